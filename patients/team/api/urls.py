from django.urls import path

from patients.team.api import emergency, notices, views

urlpatterns = [
    path("patients/<uuid:patient_id>/team", views.TeamView.as_view(), name="team"),
    path(
        "patients/<uuid:patient_id>/team/<uuid:user_id>",
        views.MemberView.as_view(),
        name="team-member",
    ),
    path("patients/<uuid:patient_id>/hand-over", views.HandOverView.as_view(), name="hand-over"),
    path("colleagues", views.ColleaguesView.as_view(), name="colleagues"),
    path(
        "patients/emergency-access",
        emergency.OpenInEmergencyView.as_view(),
        name="emergency-access",
    ),
    path(
        "patients/<uuid:patient_id>/emergency-accesses",
        emergency.EmergenciesView.as_view(),
        name="emergencies",
    ),
    path(
        "emergency-accesses/<uuid:emergency_id>",
        emergency.EmergencyView.as_view(),
        name="emergency",
    ),
    path(
        "emergency-accesses/<uuid:emergency_id>/review",
        emergency.ReviewEmergencyView.as_view(),
        name="emergency-review",
    ),
    path(
        "emergency-accesses/<uuid:emergency_id>/end",
        emergency.EndEmergencyView.as_view(),
        name="emergency-end",
    ),
    path("notices", notices.NoticesView.as_view(), name="notices"),
    path("notices/<uuid:notice_id>/read", notices.ReadNoticeView.as_view(), name="notice-read"),
]
