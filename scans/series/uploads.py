"""Whole studies that somebody uploads into a patient's file: archives, single files, volumes."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from uuid import UUID

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from accounts.models import User
from backend.api.errors import ApiError, Conflict
from patients.models import Patient
from patients.search import fold
from scans.decoding.types import DecodeError
from scans.models import Instance, Series
from scans.series.header import Header
from scans.series.parts import ZIP, Part, Refusal, Unreadable, parts_of, too_many
from scans.series.selectors import with_counts
from scans.series.services import Filed, file_instance, settle
from scans.series.volumes import may_be_volume, uid_of, volume_header

SOURCE = "upload"
_CUT = ("truncated_file", "corrupt_entry", "empty_file")  # so end files that were not sent whole
_SEX = {"F": Patient.Sex.FEMALE, "M": Patient.Sex.MALE, "O": Patient.Sex.OTHER}


@dataclass
class Share:
    """How many instances of an upload belong to one series: new ones, and those already there."""

    series: Series
    filed: int = 0
    already_there: int = 0


@dataclass
class Report:
    """What became of an upload. `ignored` are names of what computers put beside files."""

    shares: list[Share] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    warnings: list[dict[str, str]] = field(default_factory=list)

    @property
    def filed(self) -> int:
        return sum(share.filed for share in self.shares)


@dataclass(frozen=True)
class Checked:
    """A file that can be kept."""

    part: Part
    header: Header
    format: Instance.Format


def file_upload(*, user: User, patient: Patient, files: Sequence[UploadedFile]) -> Report:
    """File whatever can be filed, series by series, and say what could not and why.

    Everything is looked at before anything is kept; then each object is a transaction of its own.
    Sent again, what is there is there: an upload that broke off is repeated whole.

    Raises:
        ApiError: nothing is kept then: `nothing_to_file` with `refused` and `ignored`;
            `several_patients` with `patients`, how many; and as `parts.parts_of`.
    """
    if len(files) > settings.MAX_STUDY_FILES:
        raise too_many()
    report = Report()
    checked = list(check(files, report))
    if checked:
        refuse_several(one.header for one in checked)
        report.warnings = warnings_about(patient, [one.header for one in checked])
    shares: dict[UUID, Share] = {}
    for one in in_one_study(checked):
        if filed := file_one(one, user=user, patient=patient, report=report):
            series = filed.instance.series
            share = shares.setdefault(series.pk, Share(series))
            share.filed += not filed.already_there
            share.already_there += filed.already_there
    if not shares:
        raise ApiError(
            "nothing_to_file",
            "There is no DICOM object and no NIfTI volume in this that can be filed.",
            field="file",
            refused=[asdict(refusal) for refusal in report.refused],
            ignored=report.ignored,
        )
    complete = not any(refusal.code in _CUT for refusal in report.refused)
    for share in shares.values():
        settle(share.series, complete=complete)
        share.series = with_counts(Series.objects.select_related("study")).get(pk=share.series.pk)
    report.shares = list(shares.values())
    return report


def check(files: Sequence[UploadedFile], report: Report) -> Iterator[Checked]:
    """Yield what can be kept, and put the rest into the report."""
    for part in parts_of(files):
        if isinstance(part, Refusal):
            report.refused.append(part)
        elif not isinstance(part, Part):
            report.ignored.append(part.name)
        else:
            try:
                yield described(part)
            except (DecodeError, Unreadable) as broken:
                if broken.code == "dicomdir":
                    report.ignored.append(part.name)
                else:
                    report.refused.append(Refusal(part.name, broken.code, broken.message))


def described(part: Part) -> Checked:
    data = part.read()
    if data.startswith(ZIP):
        raise Unreadable("nested_archive", "The file is an archive in an archive.")
    if may_be_volume(data):
        return Checked(part, volume_header(data, name=part.name), Instance.Format.NIFTI)
    return Checked(part, Header.read(data), Instance.Format.DICOM)


def in_one_study(checked: list[Checked]) -> Iterator[Checked]:
    """Yield all; volumes, which name no study, come as one."""
    volumes = sorted(c.header.series_uid for c in checked if c.format == Instance.Format.NIFTI)
    study_uid = uid_of("study", *volumes)
    for one in checked:
        if one.format == Instance.Format.NIFTI:
            yield replace(one, header=replace(one.header, study_uid=study_uid))
        else:
            yield one


def file_one(one: Checked, *, user: User, patient: Patient, report: Report) -> Filed | None:
    try:
        return file_instance(
            patient=patient,
            data=one.part.read(),
            header=one.header,
            source=SOURCE,
            user=user,
            format=one.format,
        )
    except (Conflict, Unreadable) as refused:
        report.refused.append(Refusal(one.part.name, refused.code, refused.message))
        return None


def refuse_several(headers: Iterator[Header]) -> None:
    """Refuse files of several people: nobody can say which of them is meant.

    Raises:
        ApiError: `several_patients`.
    """
    numbers, births, names = set(), set(), set()
    for header in headers:
        numbers.add(fold(header.patient_number))
        births.add(header.birth_date)
        names.add(frozenset(fold(header.patient_name.split("=")[0].replace("^", " ")).split()))
    # One that leaves out a middle name is no other name.
    whole = {name for name in names if name and not any(name < other for other in names)}
    people = max(len(numbers - {""}), len(births - {None}), len(whole))
    if people > 1:
        raise ApiError(
            "several_patients",
            f"These files are of {people} patients. Send those of one patient at a time.",
            field="file",
            patients=people,
        )


def warnings_about(patient: Patient, headers: list[Header]) -> list[dict[str, str]]:
    """Say where the files contradict whose file they were put into."""
    found = []
    born = next((header.birth_date for header in headers if header.birth_date), None)
    if born and patient.birth_date and born != patient.birth_date:
        message = "The files are of somebody who was born on another day than this patient."
        found.append({"code": "other_birth_date", "message": message})
    sexes = {_SEX[header.sex] for header in headers if header.sex in _SEX}
    if sexes and patient.sex != Patient.Sex.UNKNOWN and patient.sex not in sexes:
        message = "The files are of somebody of another sex than this patient."
        found.append({"code": "other_sex", "message": message})
    return found
