"""What belongs to which patient: each app says it for its own models, once, when it starts."""

from dataclasses import dataclass
from functools import reduce
from uuid import UUID

from django.db.models import Model


@dataclass(frozen=True)
class Kind:
    """A kind of thing in patients' files.

    Attributes:
        name: As in routes (`scan_id`) and actions (`scan.read`).
        path: From a row of the model to its patient's id, as queries spell it.
    """

    name: str
    model: type[Model]
    path: str

    def patient_of(self, row: Model) -> UUID | None:
        return reduce(getattr, self.path.split("__"), row)  # type: ignore[return-value]

    def patient_by_id(self, row_id: UUID) -> UUID | None:
        """Look up whose it is; None when there is no such thing."""
        rows = self.model._default_manager.filter(pk=row_id)
        return rows.values_list(self.path, flat=True).first()


_by_name: dict[str, Kind] = {}
_by_model: dict[type[Model], Kind] = {}


def register(name: str, model: type[Model], path: str = "patient_id") -> None:
    """Say that rows of `model`, called `name` in routes and actions, belong to a patient."""
    _by_name[name] = _by_model[model] = Kind(name, model, path)


def kind_named(name: str) -> Kind | None:
    return _by_name.get(name)


def kind_of(model: type[Model]) -> Kind:
    """Return the kind that a model was registered as.

    Raises:
        LookupError: it was not.
    """
    try:
        return _by_model[model]
    except KeyError as unknown:
        raise LookupError(f"{model.__name__} is not registered in audit.subjects") from unknown


def registered() -> list[Kind]:
    return list(_by_name.values())
