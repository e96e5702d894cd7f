"""Analyses, and what doctors say about them."""

from inference.models.analysis import Analysis, Label, Picture, picture_path
from inference.models.review import Comment, Review, review_path

__all__ = ["Analysis", "Comment", "Label", "Picture", "Review", "picture_path", "review_path"]
