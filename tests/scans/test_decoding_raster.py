"""Decoding PNG and JPEG: each kind comes out as a viewer shows it, each bad file gets its code."""

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from scans.decoding import DecodeError, decode
from tests.samples import sample

RAMP = np.tile(np.arange(0, 256, 4, dtype=np.uint8), (48, 1))  # 48 x 64


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    stream = BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def code_of(data: bytes) -> str:
    with pytest.raises(DecodeError) as caught:
        decode(data)
    assert caught.value.message.endswith(".")
    return caught.value.code


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds next to nothing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def test_a_real_slice_keeps_its_pixels() -> None:
    data = sample("glioma").read_bytes()
    decoded = decode(data)
    assert decoded.format == "jpeg"
    assert decoded.spacing_mm is None
    assert decoded.dicom is None
    np.testing.assert_array_equal(decoded.pixels, np.asarray(Image.open(BytesIO(data))))


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        pytest.param(Image.fromarray(RAMP), RAMP, id="grey"),
        pytest.param(Image.fromarray(RAMP).convert("RGB"), np.dstack([RAMP] * 3), id="RGB"),
        pytest.param(Image.fromarray(RAMP > 127), (RAMP > 127) * np.uint8(255), id="1-bit"),
        pytest.param(
            Image.merge("LA", [Image.fromarray(RAMP), Image.new("L", (64, 48), 0)]),
            RAMP * 0,
            id="grey, wholly transparent",
        ),
        pytest.param(
            Image.merge("RGBA", [Image.fromarray(RAMP)] * 3 + [Image.new("L", (64, 48), 255)]),
            np.dstack([RAMP] * 3),
            id="RGBA, opaque",
        ),
        pytest.param(
            Image.new("RGBA", (64, 48), (200, 100, 50, 0)),
            np.zeros((48, 64, 3), np.uint8),
            id="RGBA, transparent over black",
        ),
    ],
)
def test_every_kind_of_png_comes_out_as_shown(image: Image.Image, expected: np.ndarray) -> None:
    decoded = decode(encoded(image))
    assert decoded.pixels.dtype == np.uint8
    np.testing.assert_array_equal(decoded.pixels, expected)


def test_a_palette_is_looked_up() -> None:
    image = Image.fromarray(RAMP // 128)
    palette = image.convert("P")
    palette.putpalette([10, 20, 30, 200, 210, 220])
    decoded = decode(encoded(palette))
    assert decoded.pixels[0, 0].tolist() == [10, 20, 30]
    assert decoded.pixels[0, -1].tolist() == [200, 210, 220]


def test_a_16_bit_png_is_stretched_to_what_it_holds() -> None:
    deep = np.tile(np.linspace(1000, 3000, 200, dtype=np.uint16), (50, 1))
    decoded = decode(encoded(Image.fromarray(deep)))
    assert decoded.pixels.shape == deep.shape
    assert decoded.pixels.min() == 0
    assert decoded.pixels.max() == 255
    assert (np.diff(decoded.pixels[0].astype(int)) >= 0).all()


def test_a_cmyk_jpeg_becomes_rgb() -> None:
    decoded = decode(encoded(Image.new("CMYK", (64, 48), (0, 255, 255, 0)), "JPEG"))
    red, green, blue = decoded.pixels[24, 32].tolist()
    assert red > 200
    assert max(green, blue) < 60


def test_a_jpeg_is_turned_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise to display
    decoded = decode(encoded(Image.fromarray(RAMP), "JPEG", exif=exif))
    assert decoded.pixels.shape == (64, 48)
    assert decoded.pixels[0].mean() < decoded.pixels[-1].mean()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(b"", "empty_file", id="nothing"),
        pytest.param(b"This is not an image.\n" * 20, "unsupported_format", id="text"),
        pytest.param(encoded(Image.fromarray(RAMP), "BMP"), "unsupported_format", id="BMP"),
        pytest.param(encoded(Image.fromarray(RAMP), "GIF"), "unsupported_format", id="still GIF"),
        pytest.param(png_header(20_000, 20_000), "image_too_large", id="20,000 x 20,000"),
        pytest.param(png_header(2**31 - 1, 2**31 - 1), "image_too_large", id="largest claim"),
        pytest.param(png_header(5_001, 5_000), "image_too_large", id="just too large"),
        pytest.param(encoded(Image.new("L", (1, 1))), "image_too_small", id="1 x 1"),
        pytest.param(encoded(Image.new("L", (31, 100))), "image_too_small", id="31 px wide"),
        pytest.param(encoded(Image.new("L", (500, 100))), "image_too_narrow", id="a ribbon"),
        pytest.param(png_header(64, 48), "truncated_file", id="too few pixels for its size"),
    ],
)
def test_what_cannot_be_read_says_why(data: bytes, code: str) -> None:
    assert code_of(data) == code


@pytest.mark.parametrize("kind", ["GIF", "PNG"])
def test_an_animation_is_refused(kind: str) -> None:
    frames = [Image.fromarray(RAMP), Image.fromarray(255 - RAMP)]
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
    assert code_of(data) == "animated_image"


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5, 0.9, 0.98])
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_truncated_image_is_refused(kind: str, share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 200), np.uint8)
    data = encoded(Image.fromarray(noise), kind)
    assert code_of(data[: int(len(data) * share)]) == "truncated_file"


def test_one_flipped_bit_in_a_png_is_noticed() -> None:
    data = bytearray(encoded(Image.fromarray(RAMP)))
    data[len(data) // 2] ^= 1
    assert code_of(bytes(data)) == "corrupt_file"


def only_decode_errors(data: bytes) -> None:
    try:
        ndim = decode(data).pixels.ndim
    except DecodeError:
        return
    assert ndim in (2, 3)


@given(
    st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", bytes(128) + b"DICM"]),
    st.binary(max_size=300),
)
def test_random_bytes_raise_nothing_but_decode_errors(head: bytes, rest: bytes) -> None:
    only_decode_errors(head + rest)


@given(
    st.sampled_from(["PNG", "JPEG"]),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=8),
    st.floats(0.1, 1),
)
def test_damage_raises_nothing_but_decode_errors(
    kind: str, changes: list[tuple[float, int]], kept: float
) -> None:
    data = bytearray(encoded(Image.fromarray(RAMP), kind))
    for place, value in changes:
        data[int(place * (len(data) - 1))] = value
    only_decode_errors(bytes(data[: int(kept * len(data))]))
