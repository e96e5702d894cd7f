"""A file worth a report: both scripts, numbers, a reading, remarks."""

from datetime import UTC, date, datetime
from io import BytesIO

import pypdf
import pypdfium2
import pytest
from django.core.files.base import ContentFile
from PIL import Image

from accounts.models import User
from inference.models import Analysis, Comment
from inference.services import queue_analysis
from patients.models import Patient
from scans.models import Scan, Series, Study

MADE_AT = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
PROBABILITIES = {"glioma": 0.862, "meningioma": 0.006, "pituitary": 0.002, "no_tumor": 0.13}
MEASUREMENTS = {
    "area_px": 1351,
    "longest_diameter_px": 49.24,
    "perpendicular_diameter_px": 44.4,
    "area_mm2": None,
    "longest_diameter_mm": None,
    "perpendicular_diameter_mm": None,
}


@pytest.fixture
def rana(patient: Patient) -> Patient:
    """A patient known in both scripts and by a number."""
    patient.given_name_arabic, patient.family_name_arabic = "رنا", "حداد"
    patient.birth_date = date(1980, 2, 29)
    patient.save()
    patient.identifiers.create(issuer="Cedars Hospital", value="H-17")
    return patient


def add_scan(patient: Patient, user: User, **fields: object) -> Scan:
    """A scan of a grey picture, without any reading."""
    series = Series.objects.create(study=Study.objects.create(patient=patient))
    number = Scan.objects.count()
    scan = Scan(
        patient=patient,
        series=series,
        original_name="slice.png",
        format="png",
        size_bytes=len(grey()),
        sha256=f"{number:064x}",
        width_px=64,
        height_px=64,
        uploaded_by=user,
        **fields,
    )
    scan.original.save("original", ContentFile(grey()), save=False)
    scan.preview.save("preview", ContentFile(grey()), save=False)
    scan.save()
    return scan


def add_reading(scan: Scan, user: User, **fields: object) -> Analysis:
    """A reading as the engine might have made it."""
    analysis = queue_analysis(user=user, scan=scan)
    values = {
        "status": Analysis.Status.DONE,
        "label": "glioma",
        "probabilities": PROBABILITIES,
        "measurements": MEASUREMENTS,
        "release": "2026.11",
        "finished_at": MADE_AT,
    }
    for name, value in (values | fields).items():
        setattr(analysis, name, value)
    for picture in ("mask", "overlay", "heatmap"):
        getattr(analysis, picture).save(f"{picture}.png", ContentFile(grey()), save=False)
    analysis.save()
    return analysis


def grey() -> bytes:
    out = BytesIO()
    Image.new("L", (64, 64), 90).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def reading(rana: Patient, doctor: User) -> Analysis:
    scan = add_scan(rana, doctor, note="T1 بعد حقن 5 مل", acquired_at=MADE_AT)
    analysis = add_reading(scan, doctor)
    Comment.objects.create(
        analysis=analysis, author=doctor, author_name="Dr. Khoury", text="أوافق على القراءة"
    )
    return analysis


def text_of(pdf: bytes) -> str:
    """What two readers get out of the pages; lines that mix scripts each orders in its own way."""
    pdfium = [page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(pdf)]
    other = [page.extract_text() for page in pypdf.PdfReader(BytesIO(pdf)).pages]
    return " ".join("\n".join(pdfium + other).split())
