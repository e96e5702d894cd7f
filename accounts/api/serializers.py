from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts import second_factor
from accounts.models import DoctorApplication, Invitation, User
from backend.api.serializers import Strict

LONGEST_PASSWORD = 128
LONGEST_KEY = 100


class SecondFactorSerializer(serializers.Serializer[User]):
    mandatory = serializers.BooleanField(help_text="Nothing else is reached without one.")
    enrolled = serializers.BooleanField(help_text="An authenticator app or a passkey is set up.")


class UserSerializer(Strict, serializers.ModelSerializer[User]):
    """What people see of themselves, and may change: the licence until it is approved."""

    name = serializers.CharField(source="get_full_name", read_only=True)
    second_factor = serializers.SerializerMethodField()

    class Meta:
        model = User
        fields = (
            "id",
            "email",
            "name",
            "role",
            "first_name",
            "last_name",
            "specialty",
            "language",
            "licence_number",
            "licence_body",
            "licence_country",
            "licence_approved_at",
            "second_factor",
        )
        read_only_fields = ("id", "email", "role", "licence_approved_at")

    @extend_schema_field(SecondFactorSerializer)
    def get_second_factor(self, user: User) -> dict[str, bool]:
        return {
            "mandatory": second_factor.is_required(user),
            "enrolled": second_factor.is_enrolled(user),
        }


class InvitationSerializer(Strict, serializers.ModelSerializer[Invitation]):
    status = serializers.ChoiceField(Invitation.Status.choices, read_only=True)

    class Meta:
        model = Invitation
        fields = ("id", "email", "role", "status", "created_at", "expires_at", "accepted_at")
        read_only_fields = ("id", "created_at", "expires_at", "accepted_at")
        extra_kwargs = {"role": {"required": True}}


class AcceptSerializer(Strict, serializers.ModelSerializer[User]):
    """Names may be left out by whoever gave them in an application."""

    key = serializers.CharField(max_length=LONGEST_KEY, help_text="From the mail; works once.")
    first_name = serializers.CharField(max_length=150, required=False)
    last_name = serializers.CharField(max_length=150, required=False)
    password = serializers.CharField(
        max_length=LONGEST_PASSWORD, trim_whitespace=False, style={"input_type": "password"}
    )

    class Meta:
        model = User
        fields = ("key", "first_name", "last_name", "password")


class ApplySerializer(Strict, serializers.ModelSerializer[DoctorApplication]):
    class Meta:
        model = DoctorApplication
        fields = (
            "email",
            "first_name",
            "last_name",
            "licence_number",
            "licence_body",
            "licence_country",
        )
        extra_kwargs: dict[str, Any] = {
            name: {"required": True, "allow_blank": False}
            for name in ("licence_number", "licence_body", "licence_country")
        }


class AppliedSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(help_text="Where the mailed code is given back.")


class CodeSerializer(Strict, serializers.Serializer[Any]):
    code = serializers.CharField(max_length=32, help_text="From the mail.")


class VerifiedSerializer(serializers.ModelSerializer[DoctorApplication]):
    """What an applicant sees of their application."""

    class Meta:
        model = DoctorApplication
        fields = ("id", "status")
        read_only_fields = fields


class ApplicationSerializer(serializers.ModelSerializer[DoctorApplication]):
    """What an admin decides on."""

    class Meta:
        model = DoctorApplication
        fields = (
            "id",
            *ApplySerializer.Meta.fields,
            "status",
            "created_at",
            "decided_at",
            "refusal_reason",
        )
        read_only_fields = fields


class RefusalSerializer(Strict, serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=500, help_text="The applicant reads it.")


class StatusSerializer(serializers.Serializer[Any]):
    """The query of the list."""

    status = serializers.ChoiceField(DoctorApplication.Status.choices, required=False)
