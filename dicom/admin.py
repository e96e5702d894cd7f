from django.contrib import admin
from django.http import HttpRequest

from audit.admin_pages import AuditedAdmin, ChangesAuditedAdmin
from dicom.inbox.admin import ArrivalAdmin  # noqa: F401 (registers itself)
from dicom.models import Peer, Retrieval


@admin.register(Peer)
class PeerAdmin(ChangesAuditedAdmin):
    list_display = ("name", "active", "ae_title", "host", "port", "may_store", "wants_results")
    list_filter = ("active", "may_store", "wants_results")
    search_fields = ("name", "ae_title", "host", "issuer")


@admin.register(Retrieval)
class RetrievalAdmin(AuditedAdmin):
    """For looking: what was fetched from where, and what came of it."""

    list_display = ("__str__", "patient", "status", "completed", "failed", "created_at")
    list_filter = ("status", "created_at")
    list_select_related = ("peer", "patient")
    search_fields = ("study_uid", "patient__family_name")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Retrieval | None = None) -> bool:
        return False
