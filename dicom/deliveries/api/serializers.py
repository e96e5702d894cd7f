from rest_framework import serializers

from dicom.models import Delivery


class DeliverySerializer(serializers.ModelSerializer[Delivery]):
    instance_id = serializers.UUIDField(read_only=True)
    instance_uid = serializers.CharField(source="instance.uid", read_only=True)
    modality = serializers.CharField(
        source="instance.series.modality",
        read_only=True,
        help_text="SEG: the outline, SR: the measurements, OT: the heat map, DOC: the report.",
    )
    peer = serializers.CharField(source="peer.name", read_only=True)

    class Meta:
        model = Delivery
        fields = (
            "id",
            "instance_id",
            "instance_uid",
            "modality",
            "peer",
            "status",
            "attempts",
            "error",
            "due_at",
            "created_at",
            "finished_at",
        )
        read_only_fields = fields
