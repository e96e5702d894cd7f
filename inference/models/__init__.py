"""Analyses of slices and of series, and what doctors say about them."""

from inference.models.analysis import Analysis, Picture, picture_path
from inference.models.review import Comment, Review, review_path
from inference.models.run import Label, Run
from inference.models.series import SeriesAnalysis, SeriesReview, series_path

__all__ = [
    "Analysis",
    "Comment",
    "Label",
    "Picture",
    "Review",
    "Run",
    "SeriesAnalysis",
    "SeriesReview",
    "picture_path",
    "review_path",
    "series_path",
]
