"""Reviews and comments of a reading that the caller may see."""

from django.db.models import Prefetch, QuerySet

from inference.models import Analysis, Comment, Review


def with_reviews(analyses: QuerySet[Analysis]) -> QuerySet[Analysis]:
    """Fetch the reviews that count of all these analyses at once, without their outlines."""
    current = Review.objects.filter(is_current=True).defer("polygons")
    return analyses.prefetch_related(Prefetch("reviews", current, to_attr="current_reviews"))


def current_review(analysis: Analysis) -> Review | None:
    """Return the review that counts, fetched by `with_reviews` or now; None: preliminary."""
    fetched: list[Review] | None = getattr(analysis, "current_reviews", None)
    if fetched is not None:
        return next(iter(fetched), None)
    return analysis.reviews.filter(is_current=True).first()


def reviews_of(analysis: Analysis) -> QuerySet[Review]:
    """All reviews of an analysis that the caller may see, the one that counts first."""
    return analysis.reviews.select_related("analysis").defer("polygons")


def review_of(analysis: Analysis, version: int) -> Review:
    """Return one of them.

    Raises:
        Review.DoesNotExist
    """
    return reviews_of(analysis).get(version=version)


def comments_of(analysis: Analysis) -> QuerySet[Comment]:
    """What was remarked on it, newest first."""
    return analysis.comments.all()
