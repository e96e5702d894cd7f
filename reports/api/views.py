from uuid import UUID

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.api.permissions import IsClinician, user_of
from backend.api.files import AnyAccepted
from patients.api.access import get_patient
from reports.api.serializers import ReportQuerySerializer
from reports.pdf import file_report, scan_report
from reports.words import Language
from scans.api.views import get_scan

PDF = {(200, "application/pdf"): OpenApiTypes.BINARY}


class ScanReportView(APIView):
    permission_classes = [IsClinician]
    content_negotiation_class = AnyAccepted

    @extend_schema(
        summary="The report on one scan, for print",
        tags=["reports"],
        parameters=[ReportQuerySerializer],
        responses=PDF,
    )
    def get(self, request: Request, scan_id: UUID) -> HttpResponse:
        scan = get_scan(request, scan_id, action="report.scan")
        made = scan_report(
            user_of(request), scan, language=language_of(request), made_at=timezone.now()
        )
        return pdf_response(made, f"scan-{scan.id}.pdf")


class PatientReportView(APIView):
    permission_classes = [IsClinician]
    content_negotiation_class = AnyAccepted

    @extend_schema(
        summary="The report on a patient's whole file, for print",
        tags=["reports"],
        parameters=[ReportQuerySerializer],
        responses=PDF,
    )
    def get(self, request: Request, patient_id: UUID) -> HttpResponse:
        patient = get_patient(request, patient_id, action="report.patient")
        made = file_report(
            user_of(request), patient, language=language_of(request), made_at=timezone.now()
        )
        return pdf_response(made, f"patient-{patient.id}.pdf")


def language_of(request: Request) -> Language:
    query = ReportQuerySerializer(data=request.query_params)
    query.is_valid(raise_exception=True)
    return Language(query.validated_data["language"])


def pdf_response(pdf: bytes, name: str) -> HttpResponse:
    """A document of the moment it was asked for: nobody keeps it on the way."""
    answer = HttpResponse(pdf, content_type="application/pdf")
    answer["Content-Disposition"] = f'inline; filename="{name}"'
    answer["Cache-Control"] = "private, no-store"
    answer["X-Content-Type-Options"] = "nosniff"
    return answer
