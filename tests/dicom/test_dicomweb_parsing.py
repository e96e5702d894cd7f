"""What DICOMweb reads of strangers: Accept headers and bodies of several parts."""

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom.dicomweb.accept import NotAcceptable, Offer, Range, choose, parse
from dicom.dicomweb.api.retrieve import form_of
from dicom.dicomweb.multipart import MultipartError, Writer, boundary_of, read_parts

JPEG_LS = "1.2.840.10008.1.2.4.80"
EXPLICIT = "1.2.840.10008.1.2.1"
TOKENS = st.sampled_from(
    [
        "multipart/related",
        "*/*",
        "image/jpeg",
        "type",
        "=",
        ";",
        ",",
        '"',
        "q",
        "0.5",
        "\\",
        " ",
        "é",
    ]
)


@pytest.mark.parametrize(
    ("header", "first"),
    [
        ("", Range("*/*")),
        ("image/png;q=0.2, image/jpeg", Range("image/jpeg")),
        ("*/*, image/png", Range("image/png")),
        ('multipart/related; type="image/jls"; q=1', Range("image/jls", True)),
        (
            f'multipart/related; type=image/jls; transfer-syntax="{JPEG_LS}";q=0.9, */*;q=0.1',
            Range("image/jls", True, JPEG_LS, 0.9),
        ),
        (
            'multipart/related; type="application/dicom"; note="a, b; c"',
            Range("application/dicom", True),
        ),
        ("MULTIPART/RELATED; TYPE=Image/JPEG", Range("image/jpeg", True)),
    ],
)
def test_the_most_wanted_range_comes_first(header: str, first: Range) -> None:
    assert parse(header)[0] == first


@pytest.mark.parametrize(
    "header", ["image/png;q=0", "junk", "image/png;q=x", "image/png;q=7", ";;,"]
)
def test_what_is_not_wanted_or_means_nothing_is_not_given(header: str) -> None:
    with pytest.raises(NotAcceptable):
        choose(parse(header), [Offer("image/png")])


@pytest.mark.parametrize(
    ("header", "stored", "expected"),
    [
        ("", EXPLICIT, ("application/octet-stream", EXPLICIT, False)),
        ("", JPEG_LS, ("application/octet-stream", EXPLICIT, False)),
        ("multipart/related", JPEG_LS, ("application/octet-stream", EXPLICIT, False)),
        ('multipart/related; type="image/*"', JPEG_LS, None),
        ("multipart/related; type=image/jls", JPEG_LS, ("image/jls", JPEG_LS, True)),
        ("multipart/related; type=image/jls", EXPLICIT, None),
        (
            "multipart/related; type=application/octet-stream; transfer-syntax=*",
            JPEG_LS,
            ("application/octet-stream", JPEG_LS, True),
        ),
        ("multipart/related; transfer-syntax=*", JPEG_LS, ("image/jls", JPEG_LS, True)),
        (f"multipart/related; type=image/jls; transfer-syntax={EXPLICIT}", JPEG_LS, None),
        (
            "multipart/related; type=image/jp2;q=0.9, multipart/related; type=image/jls;q=0.5",
            JPEG_LS,
            ("image/jls", JPEG_LS, True),
        ),
    ],
)
def test_frames_come_in_the_form_that_is_asked_for(
    header: str, stored: str, expected: tuple[str, str, bool] | None
) -> None:
    if expected is None:
        with pytest.raises(NotAcceptable):
            form_of(parse(header), stored, 1)
        return
    form = form_of(parse(header), stored, 1)
    assert (form.type, form.syntax, form.stored) == expected


@given(st.one_of(st.text(), st.lists(TOKENS).map("".join)))
def test_any_accept_header_is_understood_or_left(header: str) -> None:
    for found in parse(header):
        assert 0 < found.q <= 1
        assert "/" in found.type or not found.type


class Trickle:
    """A body that comes a few bytes at a time."""

    def __init__(self, data: bytes, size: int) -> None:
        self.data, self.size = BytesIO(data), size

    def read(self, size: int = -1, /) -> bytes:
        return self.data.read(min(size, self.size))


@given(st.lists(st.binary(max_size=200), max_size=5), st.integers(1, 300))
def test_parts_come_out_as_they_went_in(contents: list[bytes], size: int) -> None:
    writer = Writer("application/dicom")
    body = b"".join(writer.head("application/dicom") + one for one in contents) + writer.end()
    boundary = boundary_of(writer.content_type)
    parts = list(read_parts(Trickle(body, size), boundary, largest=1000))
    assert [part.data for part in parts] == contents
    assert all(part.headers == {"content-type": "application/dicom"} for part in parts)


@given(st.integers(0, 400), st.integers(1, 60))
def test_of_a_body_cut_anywhere_the_whole_parts_are_kept(cut: int, size: int) -> None:
    body = (
        b"--b\r\nContent-Type: x/y\r\n\r\n"
        + b"1" * 100
        + b"\r\n--b\r\n\r\n"
        + b"2" * 100
        + b"\r\n--b--"
    )
    got = []
    try:
        for part in read_parts(Trickle(body[:cut], size), "b", largest=1000):
            got.append(part.data)
    except MultipartError:
        assert cut < len(body)
    else:
        assert cut >= len(body)
    assert got in ([], [b"1" * 100], [b"1" * 100, b"2" * 100])


@given(st.binary(max_size=300), st.integers(1, 50))
def test_any_bytes_are_parts_or_an_error(data: bytes, size: int) -> None:
    try:
        parts = list(read_parts(Trickle(b"--b\r\n" + data + b"\r\n--b--", size), "b", largest=100))
    except MultipartError:
        return
    assert all(len(part.data) <= 100 for part in parts)


def test_what_only_looks_like_a_boundary_is_content() -> None:
    body = b"preamble\r\n--b\r\n\r\none\r\n--bb\r\n--b \r\nA: 1\r\n\r\n"
    body += b"\r\n--b\r\n\r\n--b--\r\nepilogue"
    parts = list(read_parts(BytesIO(body), "b", largest=100))
    assert [part.data for part in parts] == [b"one\r\n--bb", b"", b""]


def test_a_part_that_is_too_large_is_passed_over() -> None:
    body = b"--b\r\n\r\n" + b"1" * 101 + b"\r\n--b\r\n\r\n2\r\n--b--"
    parts = list(read_parts(Trickle(body, 7), "b", largest=100))
    assert [(part.data, part.too_large) for part in parts] == [(b"", True), (b"2", False)]


@pytest.mark.parametrize(
    "content_type", ["multipart/related", "a/b; boundary=", 'a/b; boundary="é"']
)
def test_a_body_without_a_boundary_is_none(content_type: str) -> None:
    with pytest.raises(MultipartError):
        boundary_of(content_type)
