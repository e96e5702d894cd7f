"""Who has looked at a patient's file, for those who keep it."""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.generics import ListAPIView

from accounts.api.permissions import IsClinician
from audit.api.serializers import FileEventSerializer
from audit.api.views import EventPages
from audit.models import Event
from audit.selectors import events_of_patient
from patients import selectors
from patients.access import Level
from patients.api.access import get_patient


@extend_schema_view(
    get=extend_schema(
        summary="Who has looked at this file, and who was refused it; owners and admins",
        tags=["audit"],
    )
)
class PatientAuditView(ListAPIView[Event]):
    permission_classes = [IsClinician]
    serializer_class = FileEventSerializer
    pagination_class = EventPages

    def get_queryset(self) -> QuerySet[Event]:
        if getattr(self, "swagger_fake_view", False):
            return Event.objects.none()
        patient = get_patient(
            self.request, self.kwargs["patient_id"], action="audit.read", level=Level.OWNER
        )
        return events_of_patient(*selectors.ids_of_file(patient))
