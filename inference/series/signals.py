"""What others can hear about readings of series. Both are sent once their transaction holds."""

from django.dispatch import Signal

series_read = Signal()
"""A reading is done: sender=SeriesAnalysis, analysis=SeriesAnalysis."""

series_reviewed = Signal()
"""A doctor decided about one: sender=SeriesReview, analysis=SeriesAnalysis, review=SeriesReview."""
