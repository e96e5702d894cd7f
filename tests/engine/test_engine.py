"""Reading a slice with the released networks, from decoded pixels to the whole answer."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inference.engine.engine import Engine
from inference.engine.openvino_backend import OpenVINOBackend
from inference.engine.preprocess import prepare
from inference.engine.reading import Reading
from inference.engine.release import CLASSES, RELEASES, find_release
from inference.engine.segment import outline, tumor_shares
from inference.engine.torch_backend import TorchBackend
from scans.decoding import DecodedSlice, decode
from tests.samples import SAMPLES, sample

SLICES = sorted(p for p in SAMPLES.iterdir() if p.suffix in (".jpg", ".png", ".dcm"))


def assert_whole(reading: Reading, pixels: np.ndarray) -> None:
    """The answer is complete and its parts fit each other."""
    assert reading.accepted
    assert reading.probabilities is not None
    assert tuple(reading.probabilities) == CLASSES
    assert sum(reading.probabilities.values()) == pytest.approx(1, abs=1e-9)
    assert reading.label == max(reading.probabilities, key=reading.probabilities.__getitem__)
    assert reading.mask is not None
    assert reading.mask.shape == pixels.shape[:2]
    assert reading.mask.dtype == bool
    assert (reading.measurements is None) == (not reading.mask.any())
    for picture in (reading.overlay, reading.heatmap):
        assert picture is not None
        assert picture.dtype == np.uint8
        assert picture.shape[2] == 3
        assert min(picture.shape[:2]) >= min(512, *pixels.shape[:2])
    steps = sum(ms for name, ms in reading.elapsed_ms.items() if name != "total")
    assert 0 < steps <= reading.elapsed_ms["total"] * 1.01 + 1


@pytest.mark.parametrize("path", SLICES, ids=lambda path: path.name)
def test_a_real_slice_gets_a_whole_answer(engine: Engine, path: Path) -> None:
    decoded = decode(path.read_bytes())
    assert_whole(engine.read(decoded), decoded.pixels)


@pytest.mark.parametrize(("height", "width"), [(40, 33), (160, 600), (1400, 900)])
def test_any_size_is_read(engine: Engine, height: int, width: int) -> None:
    y, x = np.mgrid[:height, :width]
    decoded = decode(sample("glioma").read_bytes()).pixels
    decoded = decoded if decoded.ndim == 2 else decoded[..., 0]
    resized = decoded[y * decoded.shape[0] // height, x * decoded.shape[1] // width]
    reading = engine.read(DecodedSlice(pixels=resized, format="png"))
    if reading.accepted:
        assert_whole(reading, resized)
    else:
        assert [reason.code for reason in reading.reasons] == ["not_brain_mri"]


@pytest.fixture(scope="module")
def cautious() -> Engine:
    """The release as if its card had a threshold that everything reaches."""
    release = replace(find_release(), set_threshold=0.0)
    return Engine(release, OpenVINOBackend(release))


def test_what_cannot_be_ruled_out_is_part_of_the_reading(cautious: Engine) -> None:
    decoded = decode(sample("glioma").read_bytes())
    before = Engine.load(RELEASES / "2026.11")  # its card has no threshold
    assert before.read(decoded).possible_labels is None
    reading = cautious.read(decoded)
    assert reading.possible_labels is not None
    assert reading.possible_labels[0] == reading.label
    assert set(reading.possible_labels) == set(CLASSES)
    assert "unsure" in [reason.code for reason in reading.reasons]


def test_a_series_and_its_slices_say_what_they_cannot_rule_out(cautious: Engine) -> None:
    slices = [decode(sample(kind).read_bytes()) for kind in ("glioma", "glioma", "no_tumor")]
    blank = DecodedSlice(np.zeros((64, 64), np.uint8), "png")
    reading = cautious.read_series([*slices, blank])
    assert reading.possible_labels is not None
    assert set(reading.possible_labels) == set(CLASSES)
    assert reading.reasons[0].code == "unsure"
    assert "glioma" in reading.reasons[0].message
    assert [one.possible_labels is None for one in reading.slices] == [False, False, False, True]
    refused = cautious.read_series([blank])
    assert refused.possible_labels is None


def test_the_side_of_the_patient_is_told_where_the_file_says_how_it_lies(engine: Engine) -> None:
    pixels = decode(sample("glioma_2").read_bytes()).pixels
    sides = []
    for direction in (None, (1.0, 0.0, 0.0), (-1.0, 0.0, 0.0)):
        found = engine.read(DecodedSlice(pixels, "dicom", row_direction=direction)).measurements
        assert found is not None
        assert found["side_picture"] == "left"
        sides.append(found["side_patient"])
    assert sides == [None, "right", "left"]


def test_the_same_slice_gets_the_same_answer(engine: Engine) -> None:
    decoded = decode(sample("meningioma").read_bytes())
    first, second = engine.read(decoded), engine.read(decoded)
    assert first.probabilities == second.probabilities
    np.testing.assert_array_equal(first.mask, second.mask)
    assert first.measurements == second.measurements


def test_nothing_is_outlined_where_no_tumour_is_all_but_certain(engine: Engine) -> None:
    reading = engine.read(decode(sample("no_tumor").read_bytes()))
    assert reading.probabilities is not None
    assert reading.probabilities["no_tumor"] >= 0.9
    assert reading.mask is not None
    assert not reading.mask.any()
    assert reading.measurements is None
    assert reading.reasons == []


def test_millimetres_are_given_only_where_the_file_has_them(engine: Engine) -> None:
    decoded = decode(sample("glioma").read_bytes())
    plain = engine.read(decoded)
    spaced = engine.read(DecodedSlice(decoded.pixels, "dicom", spacing_mm=(0.5, 0.5)))
    if plain.measurements is None or spaced.measurements is None:
        pytest.fail("the glioma of the samples was not outlined")
    assert plain.measurements["area_mm2"] is None
    assert spaced.measurements["area_mm2"] == spaced.measurements["area_px"] / 4


@pytest.mark.parametrize(
    ("folder", "precision", "logit_tolerance", "least_dice"),
    [
        # The same arithmetic in another order, on weights rounded to 16 bits before or after the
        # normalisation layers were folded into them.
        (RELEASES / "2026.11", "f32", 0.03, 0.99),
        (find_release().folder, "f32", 0.03, 0.99),
        # bf16 keeps 8 significant bits; over 122 test slices the Dice of both masks of 2026.11 has
        # a mean of 0.997 and a first percentile of 0.967.
        (RELEASES / "2026.11", "bf16", 0.3, 0.9),
        # An outline of about 275 pixels among the samples has 0.89.
        (find_release().folder, "bf16", 0.3, 0.85),
    ],
    ids=lambda own: own.name if isinstance(own, Path) else str(own),
)
def test_torch_and_openvino_give_the_same_answer(
    folder: Path, precision: str, logit_tolerance: float, least_dice: float
) -> None:
    release = find_release(folder)
    by_torch = TorchBackend(release, "cpu")
    by_openvino = OpenVINOBackend(release, precision)
    for path in SLICES:
        prepared = prepare(decode(path.read_bytes()).pixels)
        picture = prepared.resized(release.classifier_size)
        (one,), (other,) = by_torch.classify([picture]), by_openvino.classify([picture])
        np.testing.assert_allclose(one.logits, other.logits, atol=logit_tolerance)
        assert one.logits.argmax() == other.logits.argmax()
        assert one.cam.shape == other.cam.shape
        if release.gate:
            seen = prepared.resized(release.gate.size)
            known = [backend.recognise([seen])[0] for backend in (by_torch, by_openvino)]
            assert known[0] == pytest.approx(known[1], abs=7 * logit_tolerance)
        else:
            np.testing.assert_allclose(one.features, other.features, atol=logit_tolerance)
        found = [one.mask, other.mask]
        if release.segmenter:
            picture = prepared.resized(release.segmenter.size)
            found = [backend.segment([picture])[0] for backend in (by_torch, by_openvino)]
        masks = [
            outline(
                tumor_shares(logits, prepared),
                prepared,
                threshold=release.mask_threshold,
                min_area_fraction=release.min_area_fraction,
            )
            for logits in found
            if logits is not None
        ]
        assert len(masks) == 2
        both = 2 * np.count_nonzero(masks[0] & masks[1])
        assert both >= least_dice * sum(np.count_nonzero(mask) for mask in masks)
