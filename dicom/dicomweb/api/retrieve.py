"""WADO-RS (PS3.18, 10.4)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from django.http import Http404, HttpResponse, HttpResponseBase
from rest_framework.request import Request

from backend.api.errors import ApiError
from dicom.dicomweb import frames, metadata, objects, rendering
from dicom.dicomweb.accept import (
    DICOM,
    MULTIPART,
    OCTETS,
    NotAcceptable,
    Offer,
    Range,
    choose,
)
from dicom.dicomweb.api.base import (
    JSON_OFFERS,
    DicomwebView,
    etag_of,
    get_instances,
    json_answer,
    ranges_of,
    root_of,
    streamed,
    unchanged,
)
from dicom.dicomweb.multipart import Writer
from scans.models import Instance

PDF = "application/pdf"
_PICTURES = (Offer(rendering.JPEG), Offer(rendering.PNG))
_ENCAPSULATED_PDF = "1.2.840.10008.5.1.4.1.1.104.1"
_PIXEL_DATA = "7FE00010"
_MOST_FRAMES = 10_000


# --- Objects and their metadata -------------------------------------------------------------


def retrieve(request: Request, action: str, *uids: str) -> HttpResponseBase:
    """Answer with whole objects; one alone also without a multipart around it."""
    offers = [Offer(DICOM, multipart=True)]
    if len(uids) == 3:
        offers.append(Offer(DICOM))
    offer, wanted = choose(ranges_of(request), offers)
    found = get_instances(request, action, *uids)
    if not offer.multipart:
        syntax, pieces = objects.content(found[0], wanted.syntax)
        return streamed(request, pieces, f"{DICOM}; transfer-syntax={syntax}")
    writer = Writer(DICOM)
    return streamed(request, _parts(found, wanted.syntax, writer), writer.content_type)


def _parts(found: list[Instance], wanted: str, writer: Writer) -> Iterator[bytes]:
    for instance in found:
        syntax, pieces = objects.content(instance, wanted)
        yield writer.head(f"{DICOM}; transfer-syntax={syntax}")
        yield from pieces
    yield writer.end()


class SeriesView(DicomwebView):
    def get(self, request: Request, study_uid: str, series_uid: str) -> HttpResponseBase:
        return retrieve(request, "series.retrieve", study_uid, series_uid)


class InstanceView(DicomwebView):
    def get(
        self, request: Request, study_uid: str, series_uid: str, instance_uid: str
    ) -> HttpResponseBase:
        return retrieve(request, "instance.retrieve", study_uid, series_uid, instance_uid)


class MetadataView(DicomwebView):
    """Of a study, a series or an instance."""

    def get(self, request: Request, **uids: str) -> HttpResponseBase:
        choose(ranges_of(request), JSON_OFFERS)
        level = ("study", "series", "instance")[len(uids) - 1]
        found = get_instances(request, f"{level}.metadata", **uids)
        root = root_of(request)
        etag = etag_of(found, "metadata", root)
        if (same := unchanged(request, etag)) is not None:
            return same
        answer = json_answer(request, [metadata.read(one, address_of(one, root)) for one in found])
        answer["ETag"] = etag
        return answer


def address_of(instance: Instance, root: str) -> str:
    series = instance.series
    return f"{root}/{series.study.uid}/series/{series.uid}/instances/{instance.uid}"


# --- Frames and bulk data -------------------------------------------------------------------


@dataclass(frozen=True)
class Form:
    """How frames are sent.

    stored: as they are in the file, not unpacked.
    """

    type: str
    syntax: str
    multipart: bool
    stored: bool

    @property
    def content_type(self) -> str:
        return f"{self.type}; transfer-syntax={self.syntax}"


class FramesView(DicomwebView):
    def get(self, request: Request, numbers: str, **uids: str) -> HttpResponseBase:
        indices = frame_indices(numbers)
        (instance,) = get_instances(request, "instance.frames", **uids)
        return frames_answer(request, instance, indices)


def frames_answer(request: Request, instance: Instance, indices: list[int]) -> HttpResponseBase:
    require_frames(instance, indices)
    form = form_of(ranges_of(request), instance.transfer_syntax_uid, len(indices))
    etag = etag_of([instance], indices, form)
    if (same := unchanged(request, etag)) is not None:
        return same
    read = _frames(instance, indices, form)
    pieces = chain([next(read)], read)  # what cannot be decoded is told before the answer begins
    if form.multipart:
        writer = Writer(form.type)
        answer = streamed(request, _framed(pieces, form, writer), writer.content_type)
    else:
        answer = HttpResponse(b"".join(pieces), content_type=form.content_type)
    answer["ETag"] = etag
    return answer


def form_of(ranges: list[Range], stored: str, count: int) -> Form:
    """Choose how frames of an object in the transfer syntax `stored` are sent.

    Raises:
        NotAcceptable: the client takes none of what they can be had as.
    """
    packed = frames.media_type_of(stored)
    for wanted in ranges:
        multipart = wanted.multipart or wanted.type == "*/*"
        if not multipart and count > 1:
            continue
        as_stored = wanted.syntax in ("*", stored) or (not wanted.syntax and wanted.type == packed)
        kind = next(filter(wanted.takes, (packed or OCTETS, OCTETS)), None)
        if packed and as_stored and kind:
            return Form(kind, stored, multipart, stored=True)
        plain = wanted.syntax in ("", "*", objects.DEFAULT_SYNTAX)
        if plain and wanted.takes(OCTETS):
            return Form(OCTETS, objects.DEFAULT_SYNTAX, multipart, stored=False)
    kinds = " or ".join(filter(None, [packed, OCTETS]))
    message = f"Frames can be had as {MULTIPART} of {kinds}."
    raise NotAcceptable("not_acceptable", message, field="Accept")


def frame_indices(numbers: str) -> list[int]:
    """Return frames, counted from 0, of a list that counts from 1.

    Raises:
        ApiError: `invalid_frames`.
    """
    parts = numbers.split(",")
    if len(parts) > _MOST_FRAMES or not all(re.fullmatch(r"0*[1-9]\d{0,8}", p) for p in parts):
        raise ApiError("invalid_frames", "Name frames by numbers from 1 on.", field="frames")
    return [int(part) - 1 for part in parts]


def require_frames(instance: Instance, indices: list[int]) -> None:
    """Let only those pass that the object has.

    Raises:
        Http404: also where it is no image.
    """
    if instance.rows is None or max(indices) >= instance.frames:
        raise Http404


def _frames(instance: Instance, indices: list[int], form: Form) -> Iterator[bytes]:
    with frames.opened(instance) as image:
        for index in indices:
            yield image.stored(index) if form.stored else image.unpacked(index)


def _framed(pieces: Iterator[bytes], form: Form, writer: Writer) -> Iterator[bytes]:
    for piece in pieces:
        yield writer.head(form.content_type) + piece
    yield writer.end()


class BulkDataView(DicomwebView):
    """One element's value, at the address that the metadata give it."""

    def get(self, request: Request, element: str, **uids: str) -> HttpResponseBase:
        (instance,) = get_instances(request, "instance.bulkdata", **uids)
        packed = frames.media_type_of(instance.transfer_syntax_uid)
        if element == _PIXEL_DATA and packed:  # compressed frames are parts of their own
            return frames_answer(request, instance, list(range(instance.frames)))
        found = value_of(instance, element)
        if found is None:
            raise Http404
        offers = (Offer(OCTETS), Offer(OCTETS, multipart=True))
        offer, _ = choose(ranges_of(request), offers)
        if not offer.multipart:
            return HttpResponse(found, content_type=OCTETS)
        writer = Writer(OCTETS)
        body = writer.head(OCTETS) + found + writer.end()
        return HttpResponse(body, content_type=writer.content_type)


def value_of(instance: Instance, element: str) -> bytes | None:
    if element == _PIXEL_DATA and instance.rows is not None:
        with frames.opened(instance) as image:
            return image.value()
    with instance.file.open("rb") as opened:
        return metadata.bulk_value(metadata.read_header(opened), element)


# --- Rendered -------------------------------------------------------------------------------


class RenderedView(DicomwebView):
    """An instance or one of its frames as a picture; an encapsulated PDF as it is."""

    def get(self, request: Request, numbers: str = "1", **uids: str) -> HttpResponseBase:
        index = one_frame(numbers)
        (instance,) = get_instances(request, "instance.rendered", **uids)
        if instance.sop_class_uid == _ENCAPSULATED_PDF:
            return pdf_answer(request, instance)
        return picture(request, instance, index, request.query_params.get("viewport", ""))


class ThumbnailView(DicomwebView):
    """Of a study, a series, an instance or a frame: of its middle."""

    def get(self, request: Request, numbers: str = "", **uids: str) -> HttpResponseBase:
        index = one_frame(numbers) if numbers else None
        found = get_instances(request, "study.thumbnail", **uids)
        images = [one for one in found if one.rows is not None]
        if not images:
            raise Http404
        first = [one for one in images if one.series_id == images[0].series_id]
        instance = first[len(first) // 2]
        middle = instance.frames // 2 if index is None else index
        viewport = request.query_params.get("viewport") or rendering.THUMBNAIL
        return picture(request, instance, middle, viewport)


def picture(request: Request, instance: Instance, index: int, viewport: str) -> HttpResponseBase:
    require_frames(instance, [index])
    offer, _ = choose(ranges_of(request), _PICTURES)
    asked = request.query_params
    wish = rendering.Wish.parse(asked.get("window", ""), viewport, asked.get("quality", ""))
    etag = etag_of([instance], index, offer, wish)
    if (same := unchanged(request, etag)) is not None:
        return same
    with frames.opened(instance) as image:
        drawn = rendering.render(image, index, offer.type, wish)
    answer = HttpResponse(drawn, content_type=offer.type)
    answer["ETag"] = etag
    return answer


def pdf_answer(request: Request, instance: Instance) -> HttpResponse:
    choose(ranges_of(request), [Offer(PDF)])
    with instance.file.open("rb") as opened:
        found = metadata.bulk_value(metadata.read_header(opened), "00420011")
    if found is None:
        raise Http404
    answer = HttpResponse(found, content_type=PDF)
    answer["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return answer


def one_frame(number: str) -> int:
    indices = frame_indices(number)
    if len(indices) > 1:
        raise ApiError("invalid_frames", "Name one frame.", field="frames")
    return indices[0]
