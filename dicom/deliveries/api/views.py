"""What became of the results that other systems get."""

from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.permissions import IsAdmin, IsClinician, user_of
from audit.services import note
from dicom.deliveries import selectors, services
from dicom.deliveries.api.serializers import DeliverySerializer
from dicom.models import Delivery
from scans.api.series import get_series


@extend_schema_view(
    get=extend_schema(summary="Where a series' results were sent", tags=["other systems"])
)
class SeriesDeliveriesView(ListAPIView[Delivery]):
    permission_classes = [IsClinician]
    serializer_class = DeliverySerializer

    def get_queryset(self) -> QuerySet[Delivery]:
        if getattr(self, "swagger_fake_view", False):
            return Delivery.objects.none()
        series = get_series(self.request, self.kwargs["series_id"], action="deliveries.read")
        return selectors.deliveries_of(series)


class RetryDeliveryView(APIView):
    permission_classes = [IsAdmin]

    @extend_schema(
        summary="Send again what was given up",
        tags=["other systems"],
        request=None,
        responses=DeliverySerializer,
    )
    @transaction.atomic
    def post(self, request: Request, delivery_id: UUID) -> Response:
        try:
            delivery = selectors.delivery_for(user_of(request), delivery_id)
        except Delivery.DoesNotExist as missing:
            raise Http404 from missing
        patient = delivery.instance.series.study.patient
        note(
            request,
            action="delivery.retry",
            patient_id=patient.pk,
            why=patient.access_via,
            subject=("delivery", delivery.pk),
        )
        return Response(DeliverySerializer(services.retry(delivery=delivery)).data)
