"""What a QIDO-RS request asks for (PS3.18, 8.3.4; matching: PS3.4, C.2.2.2)."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import IntEnum
from typing import Any

from django.db.models import Exists, F, Lookup, OuterRef, Q, Value
from django.db.models.functions import Concat
from pydicom.datadict import dictionary_has_tag, keyword_for_tag, tag_for_keyword

from backend.api.errors import ApiError
from patients.models import PatientIdentifier
from scans.models import Series

MOST = 1000
_LONGEST = 4096
_LONGEST_NAME = 200
_MOST_UIDS = 1000
_UID = re.compile(r"[0-9.]{1,64}")
_TAG = re.compile(r"[0-9A-Fa-f]{8}")
_DATE = re.compile(r"(\d{4})\.?(\d{2})\.?(\d{2})")
_TIME = re.compile(r"(\d{2}):?(\d{2})?:?(\d{2})?(?:\.\d{1,6})?")
_SEX = {"F": "female", "M": "male", "O": "other"}


class Level(IntEnum):
    STUDY = 1
    SERIES = 2
    INSTANCE = 3


@dataclass
class Query:
    """The conditions by the level of what they are about, and which part of the answer is asked."""

    conditions: list[tuple[Level, Q]] = field(default_factory=list)
    limit: int = MOST
    offset: int = 0
    fuzzy: bool = False


class Wildcard(Lookup):
    """A pattern of LIKE, whatever the case. Unlike a regular expression it cannot take for ever."""

    lookup_name = "wildcard"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        left, left_parameters = self.process_lhs(compiler, connection)
        right, right_parameters = self.process_rhs(compiler, connection)
        parameters = (*left_parameters, *right_parameters)
        return f"UPPER({left}) LIKE UPPER({right}) ESCAPE '\\'", parameters


def parse(parameters: Iterable[tuple[str, str]], level: Level) -> Query:
    """Understand the parameters of a search at `level`.

    Raises:
        ApiError: `unknown_attribute` (nothing of DICOM), `unsupported_attribute` (nothing that is
            searched by here), `wrong_level`, `invalid_value`. To leave out a condition would give
            a client more than it asked for, without its knowing.
    """
    query = Query()
    for name, value in parameters:
        if name == "limit":
            query.limit = min(_count(name, value), MOST)
        elif name == "offset":
            query.offset = _count(name, value)
        elif name == "fuzzymatching":
            query.fuzzy = value.lower() == "true"
        elif name == "includefield":
            _check_fields(value)
        elif name != "accept":
            condition = _condition(name, value, level)
            if condition is not None:
                query.conditions.append(condition)
    return query


def _condition(name: str, value: str, level: Level) -> tuple[Level, Q] | None:
    keyword = _keyword(name)
    value = value.strip()
    if value.strip("*") == "":  # universal matching
        return None
    if len(value) > _LONGEST or not value.isprintable():
        raise _invalid(name)
    if keyword not in _ATTRIBUTES:
        raise ApiError("unsupported_attribute", f"{name} is not searched by here.", field=name)
    of, path, match = _ATTRIBUTES[keyword]
    if of > level:
        raise ApiError("wrong_level", f"{name} is nothing of a {level.name.lower()}.", field=name)
    try:
        return of, match(path, value)
    except (ValueError, OverflowError) as error:
        raise _invalid(name) from error


def _keyword(name: str) -> str:
    """Return the keyword of a parameter, which is one, or a tag."""
    if _TAG.fullmatch(name) and dictionary_has_tag(int(name, 16)):
        return keyword_for_tag(int(name, 16))
    first = name.partition(".")[0]
    if not _is_attribute(first):
        raise ApiError("unknown_attribute", f"{name} is no attribute of DICOM.", field=name)
    return name


def _check_fields(value: str) -> None:
    """Refuse what names no attribute; all that is known is returned in any case."""
    for path in value.split(","):
        parts = path.strip().split(".")  # of items of sequences
        if parts != ["all"] and not all(map(_is_attribute, parts)):
            message = f"{path[:_LONGEST_NAME]} is no attribute of DICOM."
            raise ApiError("unknown_attribute", message, field="includefield")


def _is_attribute(name: str) -> bool:
    """Whether it is a keyword, or has the form of a tag, which may be private."""
    # The dictionary has attributes without a keyword.
    known = name != "" and tag_for_keyword(name) is not None
    return known or _TAG.fullmatch(name) is not None


def _count(name: str, value: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", value):
        raise _invalid(name)
    return int(value)


def _invalid(name: str) -> ApiError:
    return ApiError("invalid_value", f"{name} cannot be searched with this value.", field=name)


# --- Matching -------------------------------------------------------------------------------


def _uid(path: str, value: str) -> Q:
    uids = [part.strip() for part in re.split(r"[,\\]", value)]
    if len(uids) > _MOST_UIDS or not all(map(_UID.fullmatch, uids)):
        raise ValueError
    return Q(**{f"{path}__in": uids})


def _text(path: str, value: str) -> Q:
    if "*" in value or "?" in value:
        return Q(Wildcard(F(path), Value(_pattern(value))))
    return Q(**{path: value})


def _identifier(path: str, value: str) -> Q:
    """Any of the numbers that a patient has."""
    return Q(patient__in=PatientIdentifier.objects.filter(_text(path, value)).values("patient"))


def _name(path: str, value: str) -> Q:
    whole = Concat(f"{path}__family_name", Value("^"), f"{path}__given_name")
    text = value.rstrip("^=").partition("=")[0]
    patterns = [_pattern(text)]
    if "^" not in text:  # the family name alone is given as often as both
        patterns.append(_pattern(f"{text}^*"))
    found = Q()
    for pattern in patterns:
        found |= Q(Wildcard(whole, Value(pattern)))
    return found


def _pattern(value: str) -> str:
    """Return wildcards of DICOM as those of LIKE."""
    escaped = re.sub(r"([\\%_])", r"\\\1", re.sub(r"\*+", "*", value))
    return escaped.replace("*", "%").replace("?", "_")


def _number(path: str, value: str) -> Q:
    if not re.fullmatch(r"[+-]?[0-9]{1,9}", value):
        raise ValueError
    return Q(**{path: int(value)})


def _day(path: str, value: str) -> Q:
    first, last = _range(value, _date)
    found = Q(**{f"{path}__isnull": False})
    found &= Q(**{f"{path}__gte": first}) if first else Q()
    return found & (Q(**{f"{path}__lte": last}) if last else Q())


def _day_of_moment(path: str, value: str) -> Q:
    first, last = _range(value, _date)
    found = Q(**{f"{path}__isnull": False})
    found &= Q(**{f"{path}__gte": _midnight(first)}) if first else Q()
    return found & (Q(**{f"{path}__lt": _midnight(last + timedelta(days=1))}) if last else Q())


def _time_of_moment(path: str, value: str) -> Q:
    first, last = _range(value, _time)
    found = Q(**{f"{path}__isnull": False})
    found &= Q(**{f"{path}__time__gte": first[0]}) if first else Q()
    return found & (Q(**{f"{path}__time__lte": last[1]}) if last else Q())


def _range(value: str, read: Callable[[str], Any]) -> tuple[Any, Any]:
    first, dash, last = value.partition("-")
    if not first.strip() and not last.strip():
        raise ValueError
    lower = read(first.strip()) if first.strip() else None
    upper = read(last.strip()) if last.strip() else (None if dash else lower)
    return lower, upper


def _date(text: str) -> date:
    found = _DATE.fullmatch(text)
    if found is None:
        raise ValueError
    return date(*map(int, found.groups()))


def _time(text: str) -> tuple[time, time]:
    """Return the first and the last moment that a time, perhaps without its minutes, stands for."""
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError
    hour, minute, second = (int(part) if part else None for part in found.groups())
    first = time(hour or 0, minute or 0, second or 0)
    last_minute, last_second = (59 if part is None else part for part in (minute, second))
    return first, time(hour or 0, last_minute, last_second, 999_999)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _sex(path: str, value: str) -> Q:
    return Q(**{path: _SEX.get(value, "unknown")})


def _modality(path: str, value: str) -> Q:
    series = Series.objects.filter(study=OuterRef(path), instances__isnull=False)
    return Q(Exists(series.filter(modality__in=re.split(r"[,\\]", value))))


def _modalities(path: str, value: str) -> Q:
    return Q(**{f"{path}__in": re.split(r"[,\\]", value)})


Match = Callable[[str, str], Q]

# Of which level, where it stands (seen from a study, a series or an instance), how it is matched.
_ATTRIBUTES: dict[str, tuple[Level, str, Match]] = {
    "PatientName": (Level.STUDY, "patient", _name),
    "PatientID": (Level.STUDY, "value", _identifier),
    "IssuerOfPatientID": (Level.STUDY, "issuer", _identifier),
    "PatientBirthDate": (Level.STUDY, "patient__birth_date", _day),
    "PatientSex": (Level.STUDY, "patient__sex", _sex),
    "StudyInstanceUID": (Level.STUDY, "uid", _uid),
    "StudyDate": (Level.STUDY, "started_at", _day_of_moment),
    "StudyTime": (Level.STUDY, "started_at", _time_of_moment),
    "AccessionNumber": (Level.STUDY, "accession_number", _text),
    "StudyDescription": (Level.STUDY, "description", _text),
    "ModalitiesInStudy": (Level.STUDY, "pk", _modality),
    "SeriesInstanceUID": (Level.SERIES, "uid", _uid),
    "Modality": (Level.SERIES, "modality", _modalities),
    "SeriesNumber": (Level.SERIES, "number", _number),
    "SeriesDescription": (Level.SERIES, "description", _text),
    "SeriesDate": (Level.SERIES, "started_at", _day_of_moment),
    "BodyPartExamined": (Level.SERIES, "body_part", _text),
    "SOPInstanceUID": (Level.INSTANCE, "uid", _uid),
    "SOPClassUID": (Level.INSTANCE, "sop_class_uid", _uid),
    "InstanceNumber": (Level.INSTANCE, "number", _number),
}
