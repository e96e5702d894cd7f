from django.urls import path

from accounts.api.applications import ApplicationsView, ApproveView, RefuseView, VerifyView
from accounts.api.invitations import AcceptView, InvitationsView, InvitationView, SendAgainView
from accounts.api.views import MeView

urlpatterns = [
    path("me", MeView.as_view(), name="me"),
    path("invitations", InvitationsView.as_view(), name="invitations"),
    path("invitations/accept", AcceptView.as_view(), name="invitation-accept"),
    path("invitations/<uuid:invitation_id>", InvitationView.as_view(), name="invitation"),
    path(
        "invitations/<uuid:invitation_id>/send",
        SendAgainView.as_view(),
        name="invitation-send",
    ),
    path("applications", ApplicationsView.as_view(), name="applications"),
    path(
        "applications/<uuid:application_id>/verify", VerifyView.as_view(), name="application-verify"
    ),
    path(
        "applications/<uuid:application_id>/approve",
        ApproveView.as_view(),
        name="application-approve",
    ),
    path(
        "applications/<uuid:application_id>/refuse", RefuseView.as_view(), name="application-refuse"
    ),
]
