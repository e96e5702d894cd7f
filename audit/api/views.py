from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.generics import ListAPIView

from accounts.api.permissions import IsAdmin, user_of
from audit import selectors
from audit.api.serializers import EventSerializer, FilterSerializer
from audit.models import Event, Why
from audit.services import note
from backend.api.pagination import NewestFirst


class EventPages(NewestFirst):
    ordering = ("-at", "-id")


@extend_schema_view(
    get=extend_schema(
        summary="Who did what to patients' data", tags=["audit"], parameters=[FilterSerializer]
    )
)
class AuditView(ListAPIView[Event]):
    """For admins. Looking into the audit is itself written down."""

    permission_classes = [IsAdmin]
    serializer_class = EventSerializer
    pagination_class = EventPages

    def get_queryset(self) -> QuerySet[Event]:
        if getattr(self, "swagger_fake_view", False):
            return Event.objects.none()
        asked = FilterSerializer(data=self.request.query_params)
        asked.is_valid(raise_exception=True)
        note(
            self.request,
            action="audit.read",
            patient_id=asked.validated_data.get("patient"),
            why=Why.ADMIN,
            details={name: str(value) for name, value in asked.validated_data.items()},
        )
        return selectors.events(**asked.validated_data)


@extend_schema_view(
    get=extend_schema(summary="What was done in my name", tags=["audit"]),
)
class MyAuditView(ListAPIView[Event]):
    serializer_class = EventSerializer
    pagination_class = EventPages

    def get_queryset(self) -> QuerySet[Event]:
        if getattr(self, "swagger_fake_view", False):
            return Event.objects.none()
        return selectors.events_by(user_of(self.request))
