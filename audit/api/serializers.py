from rest_framework import serializers

from audit.models import Event, Why


class ActorSerializer(serializers.Serializer[Event]):
    id = serializers.UUIDField(source="user_id", allow_null=True)
    name = serializers.CharField(source="user_label")
    role = serializers.CharField()


class SubjectSerializer(serializers.Serializer[Event]):
    """What exactly it was, if not the patient."""

    kind = serializers.CharField(source="subject_kind")
    id = serializers.UUIDField(source="subject_id", allow_null=True)


class FileEventSerializer(serializers.ModelSerializer[Event]):
    """An event as those see it who keep the patient's file: not from where colleagues work."""

    user = ActorSerializer(source="*", read_only=True)
    patient = serializers.UUIDField(source="patient_id", allow_null=True, read_only=True)
    subject = SubjectSerializer(source="*", read_only=True)
    details = serializers.DictField(read_only=True)

    class Meta:
        model = Event
        fields: tuple[str, ...] = (
            "id",
            "at",
            "user",
            "action",
            "patient",
            "subject",
            "why",
            "details",
        )
        read_only_fields: tuple[str, ...] = fields


class EventSerializer(FileEventSerializer):
    """All of an event: for admins, and for whoever it is about."""

    class Meta(FileEventSerializer.Meta):
        fields = (
            *FileEventSerializer.Meta.fields,
            "address",
            "device",
            "session",
            "method",
            "route",
            "sequence",
            "hash",
        )
        read_only_fields = fields


class FilterSerializer(serializers.Serializer[Event]):
    """What to look for; each is optional, and all that are given must fit."""

    user = serializers.UUIDField(required=False)
    patient = serializers.UUIDField(required=False)
    action = serializers.CharField(required=False, max_length=64)
    why = serializers.ChoiceField(Why.choices, required=False)
    since = serializers.DateTimeField(required=False, help_text="From this moment on.")
    until = serializers.DateTimeField(required=False, help_text="Up to, and not at, this moment.")
