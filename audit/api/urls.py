from django.urls import path

from audit.api.views import AuditView, MyAuditView

urlpatterns = [
    path("audit", AuditView.as_view(), name="audit"),
    path("me/audit", MyAuditView.as_view(), name="my-audit"),
]
