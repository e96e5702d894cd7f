"""The history in the OpenAPI schema: one shape for each kind, told apart by `kind`."""

from collections.abc import Iterable
from functools import cache

from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema_field
from rest_framework import serializers

from patients.api.history_serializers import EntrySerializer, NewEntrySerializer
from patients.history.kinds import KINDS, WRITABLE
from patients.models import HistoryEntry


@cache
def typed(
    base: type[serializers.Serializer], kind: HistoryEntry.Kind
) -> type[serializers.Serializer]:
    """Return `base` with `kind` and `data` as this kind has them.

    Those that are read and those that are written share a name: the schema tells requests apart.
    """
    name = "".join(word.capitalize() for word in kind.split("_"))

    @extend_schema_field({"type": "string", "enum": [kind.value]})
    class ThisKind(serializers.CharField):
        pass

    return type(f"{name}EntrySerializer", (base,), {"kind": ThisKind(), "data": KINDS[kind]()})


def one_of(
    base: type[serializers.Serializer], kinds: Iterable[HistoryEntry.Kind], *, many: bool = False
) -> PolymorphicProxySerializer:
    return PolymorphicProxySerializer(
        component_name="HistoryEntry",
        serializers={kind.value: typed(base, kind) for kind in kinds},
        resource_type_field_name="kind",
        many=many,
    )


ENTRY = one_of(EntrySerializer, KINDS)
ENTRIES = one_of(EntrySerializer, KINDS, many=True)
NEW_ENTRY = one_of(NewEntrySerializer, WRITABLE)
