from django.urls import path

from inference.reviews.api import agreement, views

urlpatterns = [
    path("analyses/<uuid:analysis_id>/review", views.ReviewView.as_view(), name="review"),
    path("analyses/<uuid:analysis_id>/reviews", views.ReviewsView.as_view(), name="reviews"),
    path(
        "analyses/<uuid:analysis_id>/reviews/<int:version>/mask.png",
        views.ReviewMaskView.as_view(),
        name="review-mask",
    ),
    path(
        "analyses/<uuid:analysis_id>/reviews/<int:version>/overlay.png",
        views.ReviewOverlayView.as_view(),
        name="review-overlay",
    ),
    path(
        "analyses/<uuid:analysis_id>/comments",
        views.CommentsView.as_view(),
        name="analysis-comments",
    ),
    path("agreement", agreement.AgreementView.as_view(), name="agreement"),
    path("agreement.csv", agreement.AgreementTableView.as_view(), name="agreement-table"),
]
