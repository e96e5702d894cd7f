"""Studies to take along, de-identified."""

from collections.abc import AsyncIterator, Iterator
from uuid import UUID

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponseBase, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.api.permissions import IsClinician
from backend.api.files import AnyAccepted
from dicom.deid.export import check_exportable, packed
from dicom.deid.profile import Profile
from patients.access import Level
from scans.api.series import get_study


class ExportOptionsSerializer(serializers.Serializer):
    keep_dates = serializers.BooleanField(default=False, help_text="All but the date of birth.")
    keep_uids = serializers.BooleanField(default=False)
    allow_burned_in = serializers.BooleanField(
        default=False, help_text="Also where slices may have text in their pixels."
    )


class DeidentifiedStudyView(APIView):
    permission_classes = [IsClinician]
    content_negotiation_class = AnyAccepted

    @extend_schema(
        summary="The images of a study, de-identified (DICOM PS3.15, annex E)",
        tags=["series"],
        parameters=[ExportOptionsSerializer],
        responses={(200, "application/zip"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, study_id: UUID) -> HttpResponseBase:
        """Answers 409 `burned_in_text` when slices may show text."""
        options = ExportOptionsSerializer(data=request.query_params)
        options.is_valid(raise_exception=True)
        chosen = options.validated_data
        study = get_study(request, study_id, action="study.deidentified", level=Level.WRITER)
        allow = chosen["allow_burned_in"]
        instances = check_exportable(study, allow_burned_in=allow)
        profile = Profile(keep_dates=chosen["keep_dates"], keep_uids=chosen["keep_uids"])
        pieces = packed(study, instances, profile, allow_burned_in=allow)
        answer = StreamingHttpResponse(
            # Under ASGI a synchronous stream would be read whole.
            _outside(pieces) if isinstance(request._request, ASGIRequest) else pieces,
            content_type="application/zip",
        )
        answer["X-Content-Type-Options"] = "nosniff"
        answer["Content-Disposition"] = f'attachment; filename="study-{study.pk}.zip"'
        return answer


async def _outside(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    following = sync_to_async(lambda: next(pieces, None), thread_sensitive=False)
    while (piece := await following()) is not None:
        yield piece
