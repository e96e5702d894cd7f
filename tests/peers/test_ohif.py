"""The OHIF viewer in a real browser, over our DICOMweb: a segmentation lies where it must."""

import base64
from collections.abc import Iterator
from io import BytesIO

import numpy as np
import numpy.typing as npt
import pytest
from highdicom import AlgorithmIdentificationSequence
from highdicom.seg import (
    SegmentAlgorithmTypeValues,
    Segmentation,
    SegmentationTypeValues,
    SegmentDescription,
)
from PIL import Image
from playwright.sync_api import Page, sync_playwright
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from dicom.dicomweb.multipart import Writer
from tests.jobs.deployment import EMAIL, PASSWORD, ROOT, Deployment, until
from tests.jobs.phone import API, Phone
from tests.series.make import as_bytes, make_series, uid

OHIF = ROOT / "var" / "peers" / "ohif" / "dist"
BROWSER = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
]
SIDE = 64
Box = tuple[int, int, int, int]
"""First row, end of rows, first column, end of columns."""
HEAD: Box = (6, 58, 10, 50)
MASK: Box = (14, 26, 30, 46)


def filled(box: Box, value: int) -> npt.NDArray[np.uint16]:
    picture = np.zeros((SIDE, SIDE), np.uint16)
    picture[box[0] : box[1], box[2] : box[3]] = value
    return picture


def outlined(series: list[Dataset]) -> Segmentation:
    """A segmentation of the same box on every slice."""
    return Segmentation(
        source_images=series,
        pixel_array=np.stack([filled(MASK, 1) for _ in series]).astype(np.uint8),
        segmentation_type=SegmentationTypeValues.BINARY,
        segment_descriptions=[
            SegmentDescription(
                segment_number=1,
                segment_label="Tumour",
                segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
                segmented_property_type=codes.SCT.Neoplasm,
                algorithm_type=SegmentAlgorithmTypeValues.AUTOMATIC,
                algorithm_identification=AlgorithmIdentificationSequence(
                    name="Test", version="1", family=codes.DCM.ArtificialIntelligence
                ),
            )
        ],
        series_instance_uid=uid("series", "seg"),
        series_number=9,
        sop_instance_uid=uid("instance", "seg"),
        instance_number=1,
        manufacturer="Falx",
        manufacturer_model_name="Falx",
        software_versions="1",
        device_serial_number="1",
    )


@pytest.fixture
def phone(deployment: Deployment) -> Phone:
    """Of a doctor, with a study and its segmentation in a patient's file."""
    phone = deployment.web(OHIF_DIR=str(OHIF))
    phone.sign_in(EMAIL, PASSWORD)
    number = {"issuer": "Hospital", "value": "P-17"}
    phone.post(f"{API}/patients", {"family_name": "Haddad", "identifiers": [number]})
    series = make_series(slices=5, rows=SIDE, columns=SIDE, IssuerOfPatientID="Hospital")
    for dataset in series:
        dataset.PixelData = filled(HEAD, 500).tobytes()
    writer = Writer("application/dicom")
    objects = [as_bytes(dataset) for dataset in [*series, outlined(series)]]
    body = b"".join(writer.head("application/dicom") + one for one in objects) + writer.end()
    phone.call("POST", "/dicomweb/studies", body, writer.content_type, expect=200)
    return phone


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(90_000)
        yield page
        browser.close()


def test_a_segmentation_is_shown_where_it_lies(phone: Phone, page: Page) -> None:
    sign_in(page, phone)
    page.goto(f"{phone.address}/viewer/viewer?StudyInstanceUIDs={uid('study', '1')}")
    open_segmentation(page)
    canvas = page.locator("canvas.cornerstone-canvas").first

    def seen() -> tuple[Box, Box] | None:
        """The boxes of what is coloured and of the head, once both are drawn."""
        # The canvas itself: no text and no buttons, which lie over it.
        _, _, data = canvas.evaluate("canvas => canvas.toDataURL('image/png')").partition(",")
        picture = Image.open(BytesIO(base64.b64decode(data))).convert("RGB")
        pixels = np.asarray(picture).astype(np.int16)
        overlay, head = box_of(coloured(pixels)), box_of(bright(pixels))
        return (overlay, head) if overlay and head else None

    overlay, head = until(seen, seconds=90)
    expected = placed(MASK, head)
    pixel = (head[1] - head[0]) / (HEAD[1] - HEAD[0])
    assert np.abs(np.subtract(overlay, expected)).max() <= 1.5 * pixel, (overlay, expected, head)


def sign_in(page: Page, phone: Phone) -> None:
    page.goto(f"{phone.address}/viewer/")
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()


def open_segmentation(page: Page) -> None:
    page.get_by_text("Skip all").click()
    page.get_by_text("Confirm and hide").click()
    page.get_by_text("SEG", exact=True).last.dblclick()
    page.get_by_text("Yes", exact=True).click()


def coloured(picture: npt.NDArray[np.int16]) -> npt.NDArray[np.bool_]:
    return np.asarray(picture.max(2) - picture.min(2) > 60)


def bright(picture: npt.NDArray[np.int16]) -> npt.NDArray[np.bool_]:
    return np.asarray(picture.max(2) > 100)


def box_of(found: npt.NDArray[np.bool_]) -> Box | None:
    rows, columns = (np.flatnonzero(found.any(axis)) for axis in (1, 0))
    if not (len(rows) and len(columns)):
        return None
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def placed(box: Box, head: Box) -> tuple[float, ...]:
    """Where a box of the picture must be on the screen, by where the head is on it."""
    down = (head[1] - head[0]) / (HEAD[1] - HEAD[0])
    across = (head[3] - head[2]) / (HEAD[3] - HEAD[2])
    return (
        head[0] + (box[0] - HEAD[0]) * down,
        head[0] + (box[1] - HEAD[0]) * down,
        head[2] + (box[2] - HEAD[2]) * across,
        head[2] + (box[3] - HEAD[2]) * across,
    )
