"""What is plainly no readable brain MRI slice is refused, with the reason; real slices are not."""

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from pydicom.data import get_testdata_file

from inference.engine.accept import FeatureSpace, compare, feature_distance, look, recognise
from inference.engine.engine import Engine
from inference.engine.preprocess import prepare
from scans.decoding import DecodedSlice, decode
from tests.samples import SAMPLES, sample

Picture = npt.NDArray[np.uint8]
SLICES = sorted(p for p in SAMPLES.iterdir() if p.suffix in (".jpg", ".png", ".dcm"))
RANDOM = np.random.default_rng(5)


def real() -> Picture:
    return decode(sample("glioma").read_bytes()).pixels


def text_page() -> Picture:
    page = np.full((400, 300), 255, np.uint8)
    for y in range(20, 400, 18):
        cv2.putText(page, "the patient was seen today and", (8, y), 0, 0.5, 0, 1, cv2.LINE_AA)
    return page


def chart() -> Picture:
    page = np.full((300, 400), 255, np.uint8)
    cv2.rectangle(page, (40, 20), (380, 270), 0, 2)
    points = np.stack([np.arange(40, 380, 10), RANDOM.integers(40, 260, 34)], axis=1)
    cv2.polylines(page, [points.astype(np.int32)], False, 0, 2)
    return page


def checkerboard() -> Picture:
    y, x = np.mgrid[:256, :256] // 16
    return ((x + y) % 2 * 255).astype(np.uint8)


def tinted() -> Picture:
    """A real slice in the false colours some viewers offer."""
    grey = real() if real().ndim == 2 else real()[..., 0]
    return np.ascontiguousarray(cv2.applyColorMap(grey, cv2.COLORMAP_JET)[..., ::-1])


def blurred(pixels: Picture, sigma: float) -> Picture:
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma), np.uint8)


def refusal(pixels: Picture) -> str | None:
    reason = look(pixels, prepare(pixels))
    return None if reason is None else reason.code


def body_ct() -> Picture:
    """A section of a trunk, from pydicom's test files."""
    path = get_testdata_file("CT_small.dcm")
    assert isinstance(path, str)
    return decode(Path(path).read_bytes()).pixels


def shaded_ball() -> Picture:
    y, x = np.mgrid[:256, :256]
    height = 1 - ((x - 128) / 96.0) ** 2 - ((y - 128) / 96.0) ** 2
    lit = np.sqrt(np.clip(height, 0, 1)) * 200 + 40 * np.sin(x / 9.0) * np.cos(y / 13.0)
    return np.where(height > 0, np.clip(lit, 0, 255), 0).astype(np.uint8)


def clouds() -> Picture:
    """Smooth grey clouds in the shape of a head."""
    layers = [
        cv2.resize(RANDOM.random((side, side)), (256, 256), interpolation=cv2.INTER_CUBIC)
        for side in (4, 8, 16, 32)
    ]
    noise = np.sum(layers, axis=0)
    grey = (noise - noise.min()) / np.ptp(noise) * 255
    inside = cv2.ellipse(np.zeros((256, 256), np.uint8), (128, 128), (90, 110), 0, 0, 360, 1, -1)
    return (grey * inside).astype(np.uint8)


STRANGE = {"CT of a trunk": body_ct(), "shaded ball": shaded_ball(), "clouds": clouds()}


@pytest.mark.parametrize("path", SLICES, ids=lambda path: path.name)
def test_a_real_slice_is_accepted(engine: Engine, path: Path) -> None:
    reading = engine.read(decode(path.read_bytes()))
    assert reading.accepted, reading.reasons


@pytest.mark.parametrize(
    ("pixels", "code"),
    [
        pytest.param(np.zeros((256, 256), np.uint8), "blank_image", id="black"),
        pytest.param(np.full((256, 256, 3), 255, np.uint8), "blank_image", id="white"),
        pytest.param(
            RANDOM.integers(0, 4, (256, 256)).astype(np.uint8), "blank_image", id="nearly black"
        ),
        pytest.param(tinted(), "not_grayscale", id="false colours"),
        pytest.param(
            RANDOM.integers(0, 256, (256, 256, 3)).astype(np.uint8), "not_grayscale", id="confetti"
        ),
        pytest.param(
            RANDOM.integers(0, 256, (256, 256)).astype(np.uint8), "not_brain_mri", id="noise"
        ),
        pytest.param(text_page(), "not_brain_mri", id="text"),
        pytest.param(255 - text_page(), "not_brain_mri", id="white text on black"),
        pytest.param(chart(), "not_brain_mri", id="chart"),
        pytest.param(checkerboard(), "not_brain_mri", id="checkerboard"),
        pytest.param(
            cv2.circle(np.zeros((256, 256), np.uint8), (128, 128), 90, 180, -1),
            "not_brain_mri",
            id="disc",
        ),
    ],
)
def test_what_is_no_slice_is_refused(pixels: Picture, code: str) -> None:
    assert refusal(pixels) == code


def test_a_blurred_slice_is_refused_and_a_slightly_soft_one_is_not() -> None:
    pixels = real()
    side = max(pixels.shape)
    assert refusal(blurred(pixels, 0.5 * side / 256)) is None
    assert refusal(blurred(pixels, 4 * side / 256)) == "too_blurred"


def test_a_coloured_marker_on_a_slice_is_no_reason_to_refuse() -> None:
    grey = real() if real().ndim == 2 else real()[..., 0]
    marked = np.repeat(grey[..., None], 3, axis=2)
    cv2.putText(marked, "R", (10, 60), cv2.FONT_HERSHEY_SIMPLEX, 2, (255, 255, 0), 3)
    assert refusal(marked) is None


def test_a_refused_slice_gets_no_answer_at_all(engine: Engine) -> None:
    reading = engine.read(DecodedSlice(pixels=text_page(), format="png"))
    assert not reading.accepted
    assert [reason.code for reason in reading.reasons] == ["not_brain_mri"]
    assert reading.reasons[0].message.endswith(".")
    assert reading.label is None
    assert reading.probabilities is None
    assert reading.mask is None
    assert reading.overlay is None
    assert reading.heatmap is None
    assert reading.measurements is None
    assert reading.release == engine.release


def test_the_gate_asks_for_its_threshold() -> None:
    assert recognise(0.8, 0.7) is None
    reason = recognise(0.6, 0.7)
    assert reason is not None
    assert reason.code == "not_brain_mri"


@pytest.mark.parametrize("kind", STRANGE)
def test_other_pictures_are_refused_one_by_one_and_in_a_series(engine: Engine, kind: str) -> None:
    slices = [
        DecodedSlice(pixels=pixels, format="png") for pixels in (real(), STRANGE[kind], real())
    ]
    assert [engine.read(one).accepted for one in slices] == [True, False, True]
    together = engine.read_series(slices)
    assert [one.accepted for one in together.slices] == [True, False, True]


@pytest.mark.parametrize("path", SLICES, ids=lambda path: path.name)
def test_a_slice_that_is_upside_down_is_still_mri(engine: Engine, path: Path) -> None:
    pixels = np.ascontiguousarray(decode(path.read_bytes()).pixels[::-1, ::-1])
    reading = engine.read(DecodedSlice(pixels=pixels, format="png"))
    assert reading.accepted, reading.reasons


def space() -> FeatureSpace:
    """Real slices differ in the first two of three features and share the third."""
    return FeatureSpace(
        mean=np.array([1, 1, 1], np.float32),
        components=np.array([[1, 0, 0], [0, 1, 0]], np.float32),
    )


def test_the_distance_is_the_share_that_real_slices_do_not_explain() -> None:
    features = np.array([[1, 1, 1], [6, -3, 1], [0, 4, 4], [0, 0, 50]], np.float32)
    expected = [0, 0, 3 / np.sqrt(32), 49 / 50]
    np.testing.assert_allclose(feature_distance(features, space()), expected, rtol=1e-5)


def test_the_distance_does_not_depend_on_how_strongly_a_picture_excites_the_network() -> None:
    stretched = np.array([[0, 3, 1e5], [0, 6, 2e5]], np.float32)
    first, second = feature_distance(stretched, space())
    assert first == pytest.approx(second, rel=1e-3)


def test_features_unlike_real_slices_are_refused() -> None:
    near, far = np.array([1, 2, 1], np.float32), np.array([3, -4, 90], np.float32)
    assert compare(near, space(), 0.5) is None
    reason = compare(far, space(), 0.5)
    assert reason is not None
    assert reason.code == "not_brain_mri"
