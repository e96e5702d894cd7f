from django.urls import path

from inference.series.api import live, views

ANALYSIS = "series-analyses/<uuid:series_analysis_id>"

urlpatterns = [
    path(
        "series/<uuid:series_id>/analyses",
        views.SeriesAnalysesView.as_view(),
        name="series-analyses",
    ),
    path(ANALYSIS, views.SeriesAnalysisView.as_view(), name="series-analysis"),
    path(
        f"{ANALYSIS}/events", live.SeriesAnalysisEventsView.as_view(), name="series-analysis-events"
    ),
    path(f"{ANALYSIS}/cancel", views.CancelView.as_view(), name="series-analysis-cancel"),
    path(f"{ANALYSIS}/retry", views.RetryView.as_view(), name="series-analysis-retry"),
    path(f"{ANALYSIS}/overlay.png", views.OverlayView.as_view(), name="series-analysis-overlay"),
    path(f"{ANALYSIS}/heatmap.png", views.HeatmapView.as_view(), name="series-analysis-heatmap"),
    path(f"{ANALYSIS}/masks.npz", views.MasksView.as_view(), name="series-analysis-masks"),
    path(
        f"{ANALYSIS}/masks/<int:index>.png",
        views.SliceMaskView.as_view(),
        name="series-analysis-mask",
    ),
    path(f"{ANALYSIS}/reviews", views.SeriesReviewsView.as_view(), name="series-reviews"),
]
