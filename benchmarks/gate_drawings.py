"""Pictures that no package has to ship: pages of text, plots, noises, shapes; always the same.

Each side draws with seeds of its own; some kinds are drawn for the test side only.
"""

import inspect
import io
from collections.abc import Iterator
from typing import Any

import cv2
import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

Picture = npt.NDArray[np.uint8]
_SEEDS = {"development": 11, "test": 23}
_EACH = 12  # drawings of each sort
_SIDE = 384


def drawings(side: str) -> Iterator[tuple[str, str, Picture]]:
    """Kind, name and picture of each drawing of a side; none for 'apart'."""
    if side not in _SEEDS:
        return
    sorts = {
        "text": [page, faded_page],
        "plots": [plot],
        "noise": [white_noise, cloud, cloud_in_a_head_shape, speckle_in_a_sector],
        "shapes": [shapes, shaded_ball, rings],
    }
    if side == "test":
        sorts["noise"] += [cells_in_a_disc]
        sorts["shapes"] += [maze, cartoon_face]
    for kind, own in sorts.items():
        for draw in own:
            for number in range(_EACH):
                random = np.random.default_rng([_SEEDS[side], number])
                yield kind, f"{draw.__name__}-{number:02}", draw(random)


def page(random: np.random.Generator) -> Picture:
    """A page of numpy's documentation, black on white or white on black."""
    topics = [np.fft.fft, np.linalg.svd, np.histogram, np.einsum, np.interp, np.percentile]
    lines = str(inspect.getdoc(topics[random.integers(len(topics))])).splitlines()
    height = int(random.integers(300, 700))
    paper = np.full((height, 420), 255, np.uint8)
    size, font = random.uniform(0.3, 0.6), int(random.choice([0, 2, 3, 4]))
    step = round(36 * size)
    for y, text in zip(range(24, height - 10, step), lines, strict=False):
        ascii_only = text.encode("ascii", "replace").decode()
        cv2.putText(paper, ascii_only, (14, y), font, size, 0, 1, cv2.LINE_AA)
    return 255 - paper if random.random() < 0.3 else paper


def faded_page(random: np.random.Generator) -> Picture:
    """The same as a grey, turned and noisy copy on a dark table."""
    paper = np.asarray(page(random) * 0.6 + 60, np.uint8)
    height, width = paper.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), random.uniform(-12, 12), 0.8)
    copy = cv2.warpAffine(paper, turn, (width, height), borderValue=8)
    return _grey(cv2.GaussianBlur(copy, (0, 0), 1) + random.normal(0, 5, copy.shape))


def plot(random: np.random.Generator) -> Picture:
    """Curves, bars, points, a surface or a pie, light or dark."""
    with mpl.rc_context({"figure.dpi": 100}):
        dark = random.random() < 0.5
        figure = Figure(figsize=(4, 4), facecolor="black" if dark else "white")
        axes = figure.add_subplot(facecolor="black" if dark else "white")
        axes.tick_params(colors="white" if dark else "black")
        values = np.cumsum(random.normal(size=(60, 3)), axis=0)
        sort = random.integers(5)
        if sort == 0:
            axes.plot(values)
        elif sort == 1:
            axes.bar(np.arange(12), abs(values[:12, 0]))
        elif sort == 2:
            axes.scatter(values[:, 0], values[:, 1])
        elif sort == 3:
            axes.imshow(values @ values.T, cmap="gray")
        else:
            axes.pie(abs(values[:5, 0]) + 0.1)
        stream = io.BytesIO()
        figure.savefig(stream, format="png", facecolor=figure.get_facecolor())
    read = cv2.imdecode(np.frombuffer(stream.getvalue(), np.uint8), cv2.IMREAD_COLOR)
    return np.asarray(read)[..., ::-1]


def white_noise(random: np.random.Generator) -> Picture:
    """Independent pixels, of an even or a normal distribution, a little smoothed or not."""
    noise = random.choice(
        [random.normal(128, 60, (_SIDE, _SIDE)), random.uniform(0, 255, (_SIDE,) * 2)]
    )
    return _grey(cv2.GaussianBlur(noise, (0, 0), random.uniform(0.3, 3)))


def cloud(random: np.random.Generator) -> Picture:
    """Noise whose power falls with frequency, as in photographs."""
    return _grey(255 * _cloud(random, random.uniform(0.8, 2.2)))


def cloud_in_a_head_shape(random: np.random.Generator) -> Picture:
    """The same within an ellipse with a bright rim, on black."""
    inside = _ellipse(random, 0)
    rim = inside - cv2.erode(inside, np.ones((int(random.integers(5, 15)),) * 2))
    tissue = 60 + 150 * _cloud(random, random.uniform(0.8, 2))
    return _grey(cv2.GaussianBlur(inside * tissue + rim * 120, (0, 0), 1))


def speckle_in_a_sector(random: np.random.Generator) -> Picture:
    """What ultrasound looks like: multiplied noise in a sector."""
    sector = np.zeros((_SIDE, _SIDE))
    half = random.uniform(25, 50)
    cv2.ellipse(sector, (_SIDE // 2, 10), (360, 360), 90, -half, half, 1, -1)
    tissue = 180 * _cloud(random, 1.5) * random.rayleigh(0.8, sector.shape)
    return _grey(cv2.GaussianBlur(sector * tissue, (0, 0), random.uniform(0.8, 2)))


def cells_in_a_disc(random: np.random.Generator) -> Picture:
    """A disc of cells with dark borders."""
    seeds = random.uniform(0, _SIDE, (int(random.integers(20, 90)), 2))
    y, x = np.mgrid[:_SIDE, :_SIDE]
    distances = np.hypot(x[..., None] - seeds[:, 0], y[..., None] - seeds[:, 1])
    nearest = np.partition(distances, 1, axis=2)
    shade = random.uniform(60, 220, len(seeds))[distances.argmin(axis=2)]
    borders = np.clip((nearest[..., 1] - nearest[..., 0]) / 4, 0, 1)
    return _grey(_ellipse(random, 0) * shade * borders)


def shapes(random: np.random.Generator) -> Picture:
    """Filled rectangles, triangles and discs of any grey."""
    paper = np.full((_SIDE, _SIDE), float(random.choice([0, 255])))
    for _ in range(random.integers(2, 9)):
        corners = random.integers(20, _SIDE - 20, (3, 2))
        shade = float(random.integers(30, 230))
        if random.random() < 0.5:
            cv2.fillPoly(paper, [corners.astype(np.int32)], shade)
        else:
            middle = (int(corners[0, 0]), int(corners[0, 1]))
            cv2.circle(paper, middle, int(random.integers(15, 90)), shade, -1)
    return _grey(cv2.GaussianBlur(paper, (0, 0), random.uniform(0.5, 2)))


def shaded_ball(random: np.random.Generator) -> Picture:
    """A ball lit from one side, with a rough surface, on black."""
    y, x = np.mgrid[-1 : 1 : _SIDE * 1j, -1 : 1 : _SIDE * 1j] / random.uniform(0.6, 0.9)
    depth = np.sqrt(np.clip(1 - x**2 - y**2, 0, None))
    light = random.normal(size=3)
    light[2] = abs(light[2]) + 0.5
    lit = np.clip((np.stack([x, y, depth], -1) @ light) / np.linalg.norm(light), 0, 1)
    return _grey((depth > 0) * (25 + 220 * lit * (0.5 + 0.5 * _cloud(random, 1.2))))


def rings(random: np.random.Generator) -> Picture:
    """Rings within rings, like wood, on black."""
    y, x = np.mgrid[-1 : 1 : _SIDE * 1j, -1 : 1 : _SIDE * 1j]
    far = np.hypot(x, y * random.uniform(0.8, 1.4)) + 0.1 * _cloud(random, 2)
    return _grey((far < 0.85) * (120 + 90 * np.sin(far * random.uniform(15, 60))))


def maze(random: np.random.Generator) -> Picture:
    """Blocks of black and white."""
    cells = int(random.integers(12, 40))
    small = (random.random((cells, cells)) < 0.5).astype(np.uint8) * 200 + 20
    return np.asarray(cv2.resize(small, (_SIDE, _SIDE), interpolation=cv2.INTER_NEAREST), np.uint8)


def cartoon_face(random: np.random.Generator) -> Picture:
    """A grey face with eyes and a mouth, on black."""
    paper = _ellipse(random, 0) * random.uniform(90, 200)
    middle = _SIDE // 2
    for side in (-1, 1):
        cv2.circle(paper, (middle + side * 50, middle - 30), int(random.integers(8, 28)), 30, -1)
    cv2.ellipse(paper, (middle, middle + 30), (60, 40), 0, 10, 170, 20, int(random.integers(3, 12)))
    return _grey(
        cv2.GaussianBlur(paper, (0, 0), 1.5) + paper / 255 * random.normal(0, 8, paper.shape)
    )


def _cloud(random: np.random.Generator, slope: float) -> npt.NDArray[np.float64]:
    """Noise with a spectrum of 1 / f**slope, 0 to 1."""
    frequency = np.hypot(np.fft.fftfreq(_SIDE)[:, None], np.fft.rfftfreq(_SIDE)[None])
    frequency[0, 0] = 1
    spectrum = np.fft.rfft2(random.normal(size=(_SIDE, _SIDE))) / frequency**slope
    spectrum[0, 0] = 0
    noise = np.fft.irfft2(spectrum, (_SIDE, _SIDE))
    low, high = np.percentile(noise, (1, 99))
    return np.asarray(np.clip((noise - low) / (high - low), 0, 1))


def _ellipse(random: np.random.Generator, turned: float) -> npt.NDArray[np.float64]:
    inside = np.zeros((_SIDE, _SIDE))
    axes = (int(random.integers(110, 150)), int(random.integers(130, 180)))
    cv2.ellipse(inside, (_SIDE // 2, _SIDE // 2), axes, turned, 0, 360, 1, -1)
    return inside


def _grey(values: npt.NDArray[Any]) -> Picture:
    return np.clip(values, 0, 255).astype(np.uint8)
