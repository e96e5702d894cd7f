from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from dicom.models import Peer, Retrieval
from dicom.peers import peers

UID_PATTERN = r"\A(0|[1-9]\d*)(\.(0|[1-9]\d*))+\Z"  # PS3.5, section 9.1
NO_BACKSLASH = r"\A[^\\]*\Z"  # it separates values


class PeerSerializer(serializers.ModelSerializer[Peer]):
    class Meta:
        model = Peer
        fields = (
            "id",
            "name",
            "active",
            "ae_title",
            "host",
            "port",
            "tls",
            "dicomweb_url",
            "dicomweb_user",
            "dicomweb_secret",
            "issuer",
            "may_store",
            "deidentify",
            "wants_results",
            "created_at",
        )

    def validate_ae_title(self, value: str | None) -> str | None:
        return value or None  # unique: two may have none


class EchoSerializer(serializers.Serializer[Any]):
    elapsed_ms = serializers.IntegerField()


class StudySearchSerializer(serializers.Serializer[Any]):
    """At least one of them; `*` stands for any characters in names and numbers."""

    patient_number = serializers.RegexField(NO_BACKSLASH, required=False, max_length=64)
    name = serializers.RegexField(
        NO_BACKSLASH,
        required=False,
        max_length=64,
        help_text="`Family^Given`, from its beginning.",
    )
    date = serializers.RegexField(
        r"\A\d{4}-\d\d-\d\d(/\d{4}-\d\d-\d\d)?\Z",
        required=False,
        help_text="A day, or two with a slash between.",
    )
    accession = serializers.RegexField(NO_BACKSLASH, required=False, max_length=16)

    def validate(self, attrs: dict[str, str]) -> dict[str, str]:
        if not any(value.strip("*?") for value in attrs.values()):
            message = "Say whom or what to look for."
            raise serializers.ValidationError(message, code="criteria_required")
        return attrs

    def as_attributes(self) -> dict[str, str]:
        """The same as DICOM queries spell it (PS3.4, C.2.2.2)."""
        given = self.validated_data
        wanted = {
            "PatientID": given.get("patient_number"),
            "PatientName": given.get("name") and given["name"].rstrip("*") + "*",
            "StudyDate": given.get("date") and given["date"].replace("-", "").replace("/", "-"),
            "AccessionNumber": given.get("accession"),
        }
        return {keyword: value for keyword, value in wanted.items() if value}


class FoundStudySerializer(serializers.Serializer[Any]):
    """As the other system says it; it is not checked against what is here."""

    study_uid = serializers.CharField()
    patient_number = serializers.CharField()
    issuer = serializers.CharField()
    patient_name = serializers.CharField()
    birth_date = serializers.DateField(allow_null=True)
    sex = serializers.CharField()
    accession = serializers.CharField()
    date = serializers.DateField(allow_null=True)
    description = serializers.CharField()
    modalities = serializers.ListField(child=serializers.CharField())
    series = serializers.IntegerField(allow_null=True)
    instances = serializers.IntegerField(allow_null=True)


class NewRetrievalSerializer(serializers.Serializer[Any]):
    peer = serializers.PrimaryKeyRelatedField(queryset=peers())
    study_uid = serializers.RegexField(UID_PATTERN, max_length=64)
    confirm_other_number = serializers.BooleanField(default=False)


class WhyFailedSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()


class RetrievalSerializer(serializers.ModelSerializer[Retrieval]):
    peer_name = serializers.CharField(source="peer.name")
    partial = serializers.BooleanField(  # type: ignore[assignment]
        help_text="It is over, and not all came."
    )
    error = serializers.SerializerMethodField()

    class Meta:
        model = Retrieval
        fields = (
            "id",
            "patient",
            "peer",
            "peer_name",
            "study_uid",
            "status",
            "expected",
            "completed",
            "failed",
            "partial",
            "error",
            "created_at",
            "finished_at",
        )
        read_only_fields = fields

    @extend_schema_field(WhyFailedSerializer(allow_null=True))
    def get_error(self, retrieval: Retrieval) -> dict[str, str] | None:
        if not retrieval.error:
            return None
        return {"code": retrieval.error_code or "not_fetched", "message": retrieval.error}
