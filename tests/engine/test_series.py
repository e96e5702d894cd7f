"""What neighbouring slices say together, with networks that say what a test wants them to say."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from inference.engine.backend import Classified, FloatArray
from inference.engine.engine import Engine
from inference.engine.preprocess import prepare
from inference.engine.reading import SeriesReading
from inference.engine.release import CLASSES, find_release
from scans.decoding import DecodedSlice, decode
from tests.samples import sample

SIDE = 256
LEFT, RIGHT = (slice(40, 80), slice(40, 80)), (slice(40, 80), slice(160, 200))
GLIOMA = {"glioma": 0.8, "meningioma": 0.1, "pituitary": 0.05, "no_tumor": 0.05}
MENINGIOMA = {"glioma": 0.1, "meningioma": 0.8, "pituitary": 0.05, "no_tumor": 0.05}
NOTHING = {"glioma": 0.1, "meningioma": 0.1, "pituitary": 0.1, "no_tumor": 0.7}

Box = tuple[slice, slice]


@dataclass
class Scripted:
    """A backend that says of each slice what stands in the script, by the picture it is shown."""

    script: dict[bytes, Classified]
    gate_logits: list[float] = field(default_factory=list)

    def recognise(self, pictures: Sequence[FloatArray]) -> list[float]:
        return [self.gate_logits.pop(0) if self.gate_logits else 20.0 for _ in pictures]

    def classify(self, pictures: Sequence[FloatArray]) -> list[Classified]:
        return [self.script[picture.tobytes()] for picture in pictures]

    def segment(self, pictures: Sequence[FloatArray]) -> list[FloatArray]:
        raise NotImplementedError("a joint release has no segmenter")


Slice = tuple[dict[str, float], Sequence[Box]]
"""Of one slice: the class's probabilities, and what is outlined in the prepared square."""

REFUSED: Slice = ({}, ())


def read(
    *slices: Slice,
    between_mm: float | None = 5.0,
    spacing_mm: tuple[float, float] | None = (1.0, 1.0),
    gate_logits: Sequence[float] = (),
) -> SeriesReading:
    """Read a series of which the networks say this."""
    release = replace(find_release(), temperature=1.0, mask_threshold=0.5, min_area_fraction=0.0)
    given, script = [], {}
    for index, (shares, boxes) in enumerate(slices):
        pixels = marked(index) if shares else np.zeros((SIDE, SIDE), np.uint8)
        given.append(DecodedSlice(pixels, "dicom", spacing_mm=spacing_mm))
        if shares:
            picture = prepare(pixels).resized(release.classifier_size)
            script[picture.tobytes()] = said(shares, boxes, release.classifier_size)
    engine = Engine(release, Scripted(script, list(gate_logits)))
    return engine.read_series(given, spacing_between_mm=between_mm)


def marked(index: int) -> np.ndarray:
    """A real slice, told from the others by the grey of a patch."""
    pixels = decode(sample("no_tumor").read_bytes()).pixels.copy()
    height, width = pixels.shape[:2]
    pixels[height // 2 : height // 2 + 20, width // 2 : width // 2 + 20] = 40 + 10 * index
    return pixels


def said(shares: dict[str, float], boxes: Sequence[Box], size: int) -> Classified:
    mask = np.full((size, size), -8, np.float32)
    for rows, columns in boxes:
        mask[rows, columns] = 8
    return Classified(
        logits=np.log([shares[name] for name in CLASSES]).astype(np.float32),
        cam=np.zeros((len(CLASSES), 8, 8), np.float32),
        features=np.zeros(4, np.float32),
        mask=mask,
    )


def codes(reading: SeriesReading) -> list[str]:
    return [reason.code for reason in reading.reasons]


def test_what_goes_on_over_two_slices_is_a_tumour_and_has_a_volume() -> None:
    reading = read((GLIOMA, [LEFT]), (GLIOMA, [LEFT]), (NOTHING, []))
    assert reading.label == "glioma"
    assert reading.measurements is not None
    assert reading.measurements["tumor_slices"] == 2
    areas = [one.area_mm2 or 0.0 for one in reading.slices]
    assert areas[2] == 0
    assert reading.measurements["volume_ml"] == pytest.approx(sum(areas) * 5 / 1000, abs=1e-3)


@pytest.mark.parametrize(
    ("slices", "why"),
    [
        ([(GLIOMA, [LEFT]), (NOTHING, []), (NOTHING, [])], "on one slice only"),
        ([(GLIOMA, [LEFT]), REFUSED, (GLIOMA, [LEFT])], "what could not be read lies between"),
        ([(GLIOMA, [LEFT]), (GLIOMA, [RIGHT])], "beside each other"),
        ([(NOTHING, [LEFT]), (NOTHING, [LEFT])], "the class speaks against it"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_does_not_go_on_or_has_the_class_against_it_is_none(
    slices: list[Slice], why: str
) -> None:
    reading = read(*slices)
    assert reading.label == "no_tumor", why
    assert "outline_not_counted" in codes(reading)
    assert not reading.mask_volume().any()
    assert reading.measurements is not None
    assert reading.measurements["volume_ml"] is None
    assert reading.measurements["largest_slice"] is None


@pytest.mark.parametrize(
    ("between_mm", "label"),
    [(0.9, "no_tumor"), (1.0, "glioma"), (None, "glioma")],
)
def test_a_tumour_is_at_least_two_millimetres_deep_where_that_is_known(
    between_mm: float | None, label: str
) -> None:
    reading = read((GLIOMA, [LEFT]), (GLIOMA, [LEFT]), (NOTHING, []), between_mm=between_mm)
    assert reading.label == label


def test_the_only_slice_that_can_be_read_needs_no_neighbour() -> None:
    reading = read(REFUSED, (GLIOMA, [LEFT]), REFUSED)
    assert reading.label == "glioma"
    assert codes(reading) == ["slices_refused"]
    assert reading.measurements is not None
    assert reading.measurements["key_slice"] == 1


def test_parts_that_meet_on_a_later_slice_are_one_and_others_are_left_out() -> None:
    bridge = (slice(40, 80), slice(40, 200))
    speck = (slice(180, 190), slice(100, 110))
    reading = read((GLIOMA, [LEFT, RIGHT]), (GLIOMA, [bridge, speck]), (NOTHING, []))
    assert reading.label == "glioma"
    alone = read((GLIOMA, [LEFT, RIGHT]), (GLIOMA, [bridge]), (NOTHING, []))
    assert [one.area_px for one in reading.slices] == [one.area_px for one in alone.slices]
    assert "outline_not_counted" in codes(reading)
    assert "outline_not_counted" in [reason.code for reason in reading.slices[1].reasons]
    assert codes(alone) == []


def test_the_larger_area_decides_which_tumour_it_is() -> None:
    large = (slice(40, 120), slice(40, 120))
    reading = read((GLIOMA, [LEFT]), (MENINGIOMA, [large]), (GLIOMA, [LEFT]))
    assert reading.label == "meningioma"
    assert reading.measurements is not None
    assert reading.measurements["key_slice"] == reading.measurements["largest_slice"] == 1


@pytest.mark.parametrize(("between_mm", "spacing_mm"), [(None, (1.0, 1.0)), (5.0, None)])
def test_without_distances_there_is_no_volume(
    between_mm: float | None, spacing_mm: tuple[float, float] | None
) -> None:
    slices = (GLIOMA, [LEFT]), (GLIOMA, [LEFT])
    reading = read(*slices, between_mm=between_mm, spacing_mm=spacing_mm)
    assert reading.label == "glioma"
    assert reading.measurements is not None
    assert reading.measurements["volume_ml"] is None


def test_a_tumour_that_nobody_could_outline_is_said() -> None:
    reading = read((GLIOMA, []), (GLIOMA, []), (NOTHING, []))
    assert reading.label == "no_tumor"
    assert "class_mask_disagree" in codes(reading)


def test_a_slice_is_asked_at_the_gate_once() -> None:
    threshold = find_release().gate.threshold  # type: ignore[union-attr]
    logits = [threshold, threshold, threshold - 0.001]
    reading = read((GLIOMA, [LEFT]), (GLIOMA, [LEFT]), gate_logits=logits)
    assert reading.accepted
    assert reading.label == "glioma"
    assert reading.overlay is not None
