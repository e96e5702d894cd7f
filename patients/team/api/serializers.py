from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import User
from backend.api.serializers import Strict
from backend.api.text import PlainText, SearchText
from patients.access import Level
from patients.models import CareTeamMember, EmergencyAccess, Notice
from patients.team.notices import called

REAL_TEXT = 20
DIFFERENT_LETTERS = 8


class LevelField(serializers.ChoiceField):
    """`reader`, `writer` or `owner`; each may do what the one before may."""

    def __init__(self, levels: tuple[Level, ...] = tuple(Level), **options: Any) -> None:
        super().__init__([level.name.lower() for level in levels], **options)

    def to_internal_value(self, data: Any) -> Level:  # type: ignore[override]
        return Level.__members__[super().to_internal_value(data).upper()]

    def to_representation(self, value: Any) -> str:
        return Level(value).name.lower()


@extend_schema_field(OpenApiTypes.STR)
class NameField(serializers.Field[User, None, str, User]):
    """A person's name as other people may read it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(read_only=True, **options)

    def to_representation(self, value: User) -> str:
        return called(value)


class MemberSerializer(serializers.ModelSerializer[CareTeamMember]):
    user = serializers.UUIDField(source="user_id", read_only=True)
    name = NameField(source="user")
    specialty = serializers.CharField(source="user.specialty", read_only=True)
    level = LevelField(read_only=True)
    added_by = NameField(allow_null=True)

    class Meta:
        model = CareTeamMember
        fields = ("user", "name", "specialty", "level", "via", "expires_at", "added_at", "added_by")
        read_only_fields = fields


class OneColleagueSerializer(Strict):
    """A doctor, by id or by address: one of the two."""

    user = serializers.UUIDField(required=False)
    email = PlainText(required=False, max_length=254)

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        if len(given.keys() & {"user", "email"}) != 1:
            message = "Name one colleague, by `user` or by `email`."
            raise serializers.ValidationError({"user": [message]}, code="one_colleague")
        return given


class NewMemberSerializer(OneColleagueSerializer):
    level = LevelField(default=Level.READER)
    expires_at = serializers.DateTimeField(
        required=False,
        allow_null=True,
        help_text="When the share ends; without one it is for good.",
    )


class MemberChangeSerializer(Strict):
    level = LevelField(required=False)
    expires_at = serializers.DateTimeField(
        required=False, allow_null=True, help_text="When it ends; null for good."
    )


class HandOverSerializer(Strict):
    to = serializers.UUIDField(help_text="The colleague's id.")
    stay_as = LevelField(
        (Level.READER, Level.WRITER), allow_null=True, help_text="null to leave the file."
    )


class SearchSerializer(serializers.Serializer[Any]):
    search = SearchText()


class ColleagueSerializer(serializers.ModelSerializer[User]):
    name = serializers.CharField(source="get_full_name", read_only=True)

    class Meta:
        model = User
        fields = ("id", "name", "specialty")
        read_only_fields = fields


class IdentifierNamedSerializer(Strict):
    issuer = PlainText(max_length=150)
    value = PlainText(max_length=64)


class EmergencyRequestSerializer(Strict):
    """Why, and who: one of `patient`, `identifier`, or `family_name` with `birth_date`."""

    reason = PlainText(multiline=True, max_length=2000)
    patient = serializers.UUIDField(required=False)
    identifier = IdentifierNamedSerializer(required=False)
    family_name = PlainText(required=False, max_length=150)
    birth_date = serializers.DateField(required=False)

    def validate_reason(self, reason: str) -> str:
        text = " ".join(reason.split())
        letters = {c for c in text.casefold() if c.isalnum()}
        if len(text) < REAL_TEXT or len(letters) < DIFFERENT_LETTERS:
            message = f"Write why, in words: {REAL_TEXT} characters at least."
            raise serializers.ValidationError(message, code="reason_too_short")
        return text

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        named = given.keys() - {"reason"}
        if named not in ({"patient"}, {"identifier"}, {"family_name", "birth_date"}):
            message = (
                "Name the patient one way: patient, identifier, or family_name and birth_date."
            )
            raise serializers.ValidationError({"patient": [message]}, code="one_way")
        return given


class EmergencySerializer(serializers.ModelSerializer[EmergencyAccess]):
    doctor = NameField()
    is_open = serializers.BooleanField(read_only=True)
    reviewed_by = NameField(allow_null=True)

    class Meta:
        model = EmergencyAccess
        fields = (
            "id",
            "patient",
            "doctor",
            "reason",
            "opened_at",
            "until",
            "ended_at",
            "is_open",
            "reviewed_by",
            "reviewed_at",
            "review",
        )
        read_only_fields = fields


class ReviewSerializer(Strict):
    comment = PlainText(multiline=True, max_length=2000)


class NoticeSerializer(serializers.ModelSerializer[Notice]):
    class Meta:
        model = Notice
        fields = ("id", "kind", "text", "patient_id", "object_id", "at", "read_at")
        read_only_fields = fields
