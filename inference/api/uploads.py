"""Resumable uploads (tus 1.0). They end as a scan with its analysis queued, hence here."""

from collections.abc import Iterator
from functools import partial
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponseBase
from django.utils.http import http_date
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    extend_schema_field,
)
from rest_framework import serializers, status
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from accounts.api.permissions import IsClinician, user_of
from backend.api.errors import ApiError
from inference import uploads
from inference.api.serializers import NoteSerializer
from patients.access import Level
from patients.api.access import get_patient
from scans.api.serializers import AboutScanSerializer
from scans.uploads import protocol, selectors, services
from scans.uploads.models import ResumableUpload

CHUNK_BYTES = 2**16
HEADER: Final = "header"
RESUMABLE = OpenApiParameter("Tus-Resumable", str, HEADER, required=True, enum=[protocol.VERSION])
CHECKSUM = OpenApiParameter(
    "Upload-Checksum", str, HEADER, description="Of this part: `sha256 <Base64>`, sha1 or md5."
)


class MetadataSerializer(AboutScanSerializer):
    """What `Upload-Metadata` may say; other keys are given back, and mean nothing here."""

    filename = serializers.CharField(required=False, allow_blank=True, max_length=1000)


class UploadSerializer(serializers.ModelSerializer[ResumableUpload]):
    offset = serializers.IntegerField(source="received", help_text="Bytes that are safely here.")
    error = serializers.SerializerMethodField(help_text="Why it was rejected.")

    class Meta:
        model = ResumableUpload
        fields = (
            "id",
            "patient",
            "state",
            "offset",
            "length",
            "filename",
            "acquired_at",
            "note",
            "scan",
            "error",
            "created_at",
            "expires_at",
        )
        read_only_fields = fields

    @extend_schema_field(NoteSerializer(allow_null=True))
    def get_error(self, upload: ResumableUpload) -> dict[str, str] | None:
        if not upload.error_code:
            return None
        return {"code": upload.error_code, "message": upload.error_message}


class TusView(APIView):
    """What all addresses of the protocol have in common."""

    permission_classes = [IsClinician]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        override = request.headers.get("X-HTTP-Method-Override", "").upper()
        if request.method == "POST" and override in {"PATCH", "DELETE"}:
            request.method = override  # for those whose network knows only GET and POST
        return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method not in {"GET", "OPTIONS"}:
            protocol.require_version(request.headers)

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        headers = {
            "Tus-Version": protocol.VERSION,
            "Tus-Extension": protocol.EXTENSIONS,
            "Tus-Max-Size": str(settings.MAX_UPLOAD_BYTES),
            "Tus-Checksum-Algorithm": ",".join(protocol.ALGORITHMS),
        }
        return Response(status=status.HTTP_204_NO_CONTENT, headers=headers)

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Tus-Resumable"] = protocol.VERSION
        if response.status_code == status.HTTP_412_PRECONDITION_FAILED:
            response["Tus-Version"] = protocol.VERSION
        return response


class PatientUploadsView(TusView):
    @extend_schema(
        summary="Begin a resumable upload (tus 1.0)",
        description="The body may be empty or the first part, as in PATCH.",
        tags=["uploads"],
        parameters=[
            RESUMABLE,
            OpenApiParameter("Upload-Length", int, HEADER, required=True),
            OpenApiParameter(
                "Upload-Metadata",
                str,
                HEADER,
                description="`filename`, `acquired_at`, `note`, each followed by its Base64.",
            ),
            CHECKSUM,
        ],
        request={protocol.CONTENT_TYPE: OpenApiTypes.BINARY},
        responses={201: OpenApiResponse(description="Its address is in `Location`.")},
    )
    def post(self, request: Request, patient_id: UUID) -> Response:
        patient = get_patient(request, patient_id, action="upload.begin", level=Level.WRITER)
        if "Upload-Defer-Length" in request.headers:
            message = "Say the length at once: Upload-Length."
            raise ApiError("invalid_header", message, field="Upload-Defer-Length")
        length = protocol.number(request.headers, "Upload-Length")
        given = MetadataSerializer(data=protocol.metadata(request.headers))
        given.is_valid(raise_exception=True)
        checksum = protocol.checksum(request.headers)
        with transaction.atomic():
            upload = services.begin(
                user=user_of(request),
                patient=patient,
                length=length,
                metadata=request.headers.get("Upload-Metadata", ""),
                **given.validated_data,
            )
            if request.content_type == protocol.CONTENT_TYPE:
                upload = services.append(
                    upload=upload, offset=0, chunks=body(request), checksum=checksum
                )
        upload = uploads.settle(upload)
        refuse_rejected(upload)
        answer = told(upload, status.HTTP_201_CREATED)
        answer["Location"] = reverse("upload", args=[upload.id], request=request)
        return answer


class UploadView(TusView):
    @extend_schema(
        summary="An upload: how far it is, and what became of it",
        description="HEAD gives `Upload-Offset`, where the next part begins.",
        tags=["uploads"],
        responses=UploadSerializer,
    )
    def get(self, request: Request, upload_id: UUID) -> Response:
        upload = uploads.settle(get_upload(request, upload_id, action="upload.read"))
        return Response(UploadSerializer(upload).data)

    def head(self, request: Request, upload_id: UUID) -> Response:
        upload = uploads.settle(get_upload(request, upload_id, action="upload.read"))
        answer = told(upload, status.HTTP_200_OK)
        answer["Upload-Length"] = str(upload.length)
        if upload.metadata:
            answer["Upload-Metadata"] = upload.metadata
        answer["Cache-Control"] = "no-store"
        return answer

    @extend_schema(
        summary="Send the next part",
        tags=["uploads"],
        parameters=[
            RESUMABLE,
            OpenApiParameter("Upload-Offset", int, HEADER, required=True),
            CHECKSUM,
        ],
        request={protocol.CONTENT_TYPE: OpenApiTypes.BINARY},
        responses={
            204: OpenApiResponse(
                description="Stored up to `Upload-Offset`. `Falx-Scan` has the id of the scan that "
                "the file has become, when this was the last part."
            )
        },
    )
    def patch(self, request: Request, upload_id: UUID) -> Response:
        upload = get_upload(request, upload_id, action="upload.append")
        if request.content_type != protocol.CONTENT_TYPE:
            raise UnsupportedMediaType(request.content_type)
        offset = protocol.number(request.headers, "Upload-Offset")
        checksum = protocol.checksum(request.headers)
        try:
            upload = services.append(
                upload=upload, offset=offset, chunks=body(request), checksum=checksum
            )
        except ResumableUpload.DoesNotExist as removed:
            raise Http404 from removed
        upload = uploads.settle(upload)
        refuse_rejected(upload)
        return told(upload, status.HTTP_204_NO_CONTENT)

    @extend_schema(
        summary="Give an upload up",
        tags=["uploads"],
        parameters=[RESUMABLE],
        responses={204: None},
    )
    def delete(self, request: Request, upload_id: UUID) -> Response:
        upload = get_upload(request, upload_id, action="upload.terminate")
        try:
            services.terminate(upload=upload)
        except ResumableUpload.DoesNotExist as removed:
            raise Http404 from removed
        return Response(status=status.HTTP_204_NO_CONTENT)


def get_upload(request: Request, upload_id: UUID, *, action: str) -> ResumableUpload:
    """Return the caller's own upload to a file that they may write to, or answer 404.

    Raises:
        Gone: it has expired.
    """
    try:
        upload = selectors.upload_for(user_of(request), upload_id)
    except ResumableUpload.DoesNotExist as missing:
        raise Http404 from missing
    get_patient(request, upload.patient_id, action=action, level=Level.WRITER)
    if upload.has_expired:
        raise protocol.Gone
    return upload


def body(request: Request) -> Iterator[bytes]:
    """The request's body as it came: also without a length, also when the connection broke."""
    return iter(partial(request._request.read, CHUNK_BYTES), b"")


def told(upload: ResumableUpload, code: int) -> Response:
    """Say how far an upload is, and what became of it."""
    answer = Response(status=code)
    answer["Upload-Offset"] = str(upload.received)
    answer["Upload-Expires"] = http_date(upload.expires_at.timestamp())
    answer["Falx-State"] = upload.state
    if upload.scan_id:
        answer["Falx-Scan"] = str(upload.scan_id)
    return answer


def refuse_rejected(upload: ResumableUpload) -> None:
    """Tell whoever sent the last part, or sends it again, why the file is not a scan.

    Raises:
        ApiError: what the check of the file said.
    """
    if upload.state != ResumableUpload.State.REJECTED:
        return
    details = {"scan": str(upload.scan_id)} if upload.scan_id else {}
    refused = ApiError(
        upload.error_code, upload.error_message, field=upload.error_field or None, **details
    )
    refused.status_code = upload.error_status or refused.status_code
    raise refused
