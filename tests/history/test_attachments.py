"""Attachments: only what really is a PDF or a picture, kept byte for byte, given out by the API."""

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from PIL import Image
from pypdf import PdfReader, PdfWriter
from pypdf.generic import DictionaryObject, NameObject, NumberObject, RectangleObject
from rest_framework.test import APIClient

from patients.models import HistoryEntry, Patient
from tests.history.conftest import entry_url


def pdf(*, pages: int = 1, change: Any = None) -> bytes:
    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(width=200, height=200)
    if change:
        change(writer)
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def picture(kind: str = "PNG", size: tuple[int, int] = (40, 30), **options: Any) -> bytes:
    out = BytesIO()
    Image.new("RGB", size, "navy").save(out, kind, **options)
    return out.getvalue()


def bomb() -> bytes:
    """A PNG of a few kilobytes that says it has a hundred million pixels."""
    out = BytesIO()
    Image.new("1", (10_000, 10_000)).save(out, "PNG")
    return out.getvalue()


def moving() -> bytes:
    frames = [Image.new("RGB", (40, 30), colour) for colour in ("navy", "red")]
    out = BytesIO()
    frames[0].save(out, "PNG", save_all=True, append_images=frames[1:])
    return out.getvalue()


def launching(writer: PdfWriter) -> None:
    page = writer.pages[0]
    action = DictionaryObject({NameObject("/S"): NameObject("/Launch")})
    note = DictionaryObject(
        {
            NameObject("/Subtype"): NameObject("/Link"),
            NameObject("/Rect"): RectangleObject((0, 0, 9, 9)),
            NameObject("/A"): action,
        }
    )
    writer.add_annotation(page, note)


def scripted(writer: PdfWriter) -> None:
    script = {NameObject("/S"): NameObject("/JavaScript")}
    writer.root_object[NameObject("/OpenAction")] = DictionaryObject(script)


def looping(writer: PdfWriter) -> None:
    """A tree of pages that has its own root as a page."""
    pages: Any = writer.root_object["/Pages"].get_object()
    pages["/Kids"].append(writer.root_object.raw_get("/Pages"))
    pages[NameObject("/Count")] = NumberObject(2)


@pytest.fixture
def attach(as_doctor: APIClient, patient: Patient) -> Any:
    def send(data: bytes, name: str = "letter.pdf", kind: str = "", **fields: str) -> Any:
        file = SimpleUploadedFile(name, data, kind or "application/octet-stream")
        url = reverse("attachments", args=[patient.id])
        return as_doctor.post(url, {"file": file, **fields}, format="multipart")

    return send


def stored() -> list[Path]:
    return [path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("data", "name", "kind", "facts"),
    [
        (pdf(pages=3), "Befund Müller.pdf", "application/pdf", {"pages": 3}),
        (picture(), "scan.PNG", "image/png", {"width_px": 40, "height_px": 30}),
        (picture("JPEG"), "photo.jpg", "image/jpeg", {"width_px": 40, "height_px": 30}),
        (picture("JPEG"), "../../etc/photo", "", {"width_px": 40, "height_px": 30}),
    ],
)
def test_a_file_comes_back_as_it_was_sent(
    as_doctor: APIClient, attach: Any, data: bytes, name: str, kind: str, facts: dict[str, int]
) -> None:
    made = attach(data, name, kind, text="A letter", occurred_at="2020-01-02")
    assert made.status_code == 201, made.json()
    entry = made.json()
    assert (entry["kind"], entry["title"]) == ("attachment", "A letter")
    assert (entry["occurred_at"], entry["precision"]) == ("2020-01-02", "day")
    assert entry["data"].items() >= ({"size_bytes": len(data)} | facts).items()
    assert "/" not in entry["data"]["original_name"]

    file = as_doctor.get(entry["data"]["file"])
    assert file.content == data
    assert file["Content-Type"] == entry["data"]["content_type"]
    assert file["Content-Disposition"].startswith("attachment")
    assert file["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("data", "name", "kind", "code"),
    [
        (b"", "a.pdf", "", "empty_file"),
        (b"<html><script>alert(1)</script>", "a.pdf", "application/pdf", "unsupported_format"),
        (b"MZ" + bytes(100), "a.exe", "", "unsupported_format"),
        (b"\0" * 600 + pdf(), "a.pdf", "", "unsupported_format"),
        (picture("GIF"), "a.gif", "image/gif", "unsupported_format"),
        (picture(), "a.pdf", "", "type_mismatch"),
        (picture(), "a", "application/pdf", "type_mismatch"),
        (pdf(), "a.jpg", "", "type_mismatch"),
        (pdf()[:-200], "a.pdf", "", "truncated_file"),
        (b"%PDF-1.7\n" + bytes(500) + b"%%EOF", "a.pdf", "", "corrupt_file"),
        (pdf(pages=0), "a.pdf", "", "corrupt_file"),
        (pdf(change=looping), "a.pdf", "", "corrupt_file"),
        (pdf(pages=1001), "a.pdf", "", "too_many_pages"),
        (pdf(change=lambda w: w.encrypt("secret", algorithm="RC4-128")), "a", "", "encrypted_pdf"),
        (pdf(change=scripted), "a.pdf", "", "active_pdf"),
        (pdf(change=lambda w: w.add_attachment("a.exe", b"MZ")), "a.pdf", "", "active_pdf"),
        (pdf(change=launching), "a.pdf", "", "active_pdf"),
        (picture()[:60], "a.png", "", "truncated_file"),
        (picture("JPEG", (400, 400))[:900], "a.jpg", "", "truncated_file"),
        (picture()[:50] + b"\xff" + picture()[51:], "a.png", "", "corrupt_file"),
        (b"\xff\xd8\xff" + bytes(100), "a.jpg", "", "corrupt_file"),
        (bomb(), "a.png", "", "image_too_large"),
        (moving(), "a.png", "", "animated_image"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_lies_or_does_harm_is_refused_and_nothing_stays(
    attach: Any, data: bytes, name: str, kind: str, code: str
) -> None:
    refused = attach(data, name, kind)
    assert (refused.status_code, refused.json()["code"]) == (400, code)
    assert refused.json()["field"] == "file"
    assert not HistoryEntry.objects.exists()
    assert not stored()


def test_a_file_over_the_limit_is_refused(attach: Any, settings: Any) -> None:
    settings.MAX_UPLOAD_BYTES = 100
    assert attach(pdf()).json()["code"] == "file_too_large"


def test_a_pdf_that_only_says_who_may_print_is_opened(attach: Any) -> None:
    protected = pdf(change=lambda w: w.encrypt("", "owner", algorithm="RC4-128"))
    assert PdfReader(BytesIO(protected)).is_encrypted
    assert attach(protected).status_code == 201


def test_the_same_file_is_not_attached_twice(as_doctor: APIClient, attach: Any) -> None:
    data = pdf()
    first = attach(data).json()
    again = attach(data, "other.pdf")
    assert (again.status_code, again.json()["code"]) == (409, "duplicate_attachment")
    assert again.json()["entry"] == first["id"]
    assert len(stored()) == 1

    headers = {"If-Match": "*"}
    as_doctor.delete(entry_url(first), {"reason": "Wrong date."}, headers=headers)
    assert attach(data).status_code == 201


def test_a_failure_half_way_leaves_no_file(attach: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise ConnectionError

    monkeypatch.setattr("patients.models.Attachment.save", fail)
    with pytest.raises(ConnectionError):
        attach(pdf())
    assert not HistoryEntry.objects.exists()
    assert not stored()


def test_only_what_it_is_called_can_be_edited(as_doctor: APIClient, attach: Any) -> None:
    made = attach(pdf()).json()
    assert made["title"] == "letter.pdf"
    body = {"data": {"text": "Discharge letter", "sha256": "0" * 64}}
    edited = as_doctor.patch(entry_url(made), body, headers={"If-Match": "*"}).json()
    assert edited["title"] == "Discharge letter"
    assert edited["data"] == {"text": "Discharge letter"} | made["data"]


@pytest.mark.parametrize(
    "fields", [{"occurred_at": "2999"}, {"text": "a\u202eb"}, {"colour": "red"}]
)
def test_a_form_that_is_not_right_attaches_nothing(attach: Any, fields: dict[str, str]) -> None:
    refused = attach(pdf(), **fields)
    assert (refused.status_code, refused.json()["field"]) == (400, next(iter(fields)))
    assert not stored()


def test_a_search_finds_what_it_is_called_and_no_check_sum(
    as_doctor: APIClient, url: str, attach: Any
) -> None:
    made = attach(pdf(), text="Discharge letter").json()
    for text, found in (("discharge", [made]), (made["data"]["sha256"][:6], [])):
        assert as_doctor.get(url, {"search": text}).json()["results"] == found


def test_other_entries_have_no_file(as_doctor: APIClient, note: Any) -> None:
    assert as_doctor.get(reverse("history-file", args=[note["id"]])).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_the_file_goes_when_the_patient_goes(attach: Any, patient: Patient) -> None:
    attach(pdf())
    assert stored()
    patient.delete()
    assert not stored()
