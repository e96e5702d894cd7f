"""What was measured, as answers give it."""

from typing import Any, get_args

from rest_framework import serializers

from inference.engine.reading import Side

SIDES = list(get_args(Side))
PAIR: dict[str, Any] = {"min_length": 2, "max_length": 2}


class MeasurementsSerializer(serializers.Serializer[dict[str, Any]]):
    """Of what is outlined on a slice; millimetres are null where the file has no real spacing."""

    area_px = serializers.IntegerField()
    longest_diameter_px = serializers.FloatField(help_text="Of the largest connected part.")
    perpendicular_diameter_px = serializers.FloatField()
    diameter_line_px = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField(), **PAIR),
        help_text="Ends [x, y] of the longest diameter.",
        **PAIR,
    )
    centroid_px = serializers.ListField(child=serializers.FloatField(), help_text="[x, y]", **PAIR)
    bounding_box_px = serializers.ListField(
        child=serializers.IntegerField(), min_length=4, max_length=4, help_text="[x, y, w, h]"
    )
    area_mm2 = serializers.FloatField(allow_null=True)
    longest_diameter_mm = serializers.FloatField(allow_null=True)
    perpendicular_diameter_mm = serializers.FloatField(allow_null=True)
    expected_dice = serializers.FloatField(
        allow_null=True,
        help_text="The Dice to be expected of the outline against an expert's; null where the "
        "release does not foretell it, and of a doctor's outline.",
    )
    side_picture = serializers.ChoiceField(
        SIDES, allow_null=True, help_text="Of the picture; null in readings from before it was told"
    )
    side_patient = serializers.ChoiceField(
        SIDES,
        allow_null=True,
        help_text="Of the patient; null unless the file says how the slice lies, and of slices "
        "that do not run from side to side.",
    )

    def to_representation(self, instance: dict[str, Any]) -> dict[str, Any]:
        """Say by null what was not measured yet when a reading was made."""
        unknown: dict[str, Any] = {str(name): None for name in self.fields}
        return super().to_representation(unknown | instance)


class SeriesMeasurementsSerializer(MeasurementsSerializer):
    """Of the tumour in a series. All but the slices' numbers is null where none was called."""

    volume_ml = serializers.FloatField(
        allow_null=True, help_text="Null unless spacing is real and no slice is missing."
    )
    tumor_slices = serializers.IntegerField()
    largest_slice = serializers.IntegerField(
        allow_null=True, help_text="Index of the slice that area, diameters and sides are of."
    )
    key_slice = serializers.IntegerField(help_text="Index of the slice that the pictures show.")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        fields = super().get_fields()
        for name in MeasurementsSerializer().fields:
            fields[str(name)].allow_null = True
        return fields
