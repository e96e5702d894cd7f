from django.urls import path

from inference.api import opinions

urlpatterns = [
    path("scans/<uuid:scan_id>/opinions", opinions.AskView.as_view(), name="opinion-ask"),
    path("opinions", opinions.OpinionsView.as_view(), name="opinions"),
    path("opinions/<uuid:opinion_id>", opinions.OpinionView.as_view(), name="opinion"),
    path(
        "opinions/<uuid:opinion_id>/answer",
        opinions.AnswerView.as_view(),
        name="opinion-answer",
    ),
    path(
        "opinions/<uuid:opinion_id>/decline",
        opinions.DeclineView.as_view(),
        name="opinion-decline",
    ),
    path(
        "opinions/<uuid:opinion_id>/withdraw",
        opinions.WithdrawView.as_view(),
        name="opinion-withdraw",
    ),
]
