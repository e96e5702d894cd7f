"""What doctors say about readings: decide, and remark."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction

from accounts.models import User
from backend.api.errors import ApiError, Conflict, Forbidden
from inference.engine.measure import measure
from inference.engine.preprocess import prepare
from inference.engine.render import DOCTORS_OUTLINE, overlay
from inference.engine.side import sides
from inference.models import Analysis, Comment, Label, Review
from inference.reviews.drawings import mask_of_picture, mask_of_rings, stored_mask
from inference.reviews.history import amend_history
from inference.reviews.outlines import Mask, Ring, dice, trace
from inference.runs import png
from patients import changes
from scans.decoding import decode
from scans.models import Scan
from scans.services import removed_on_failure

Decision, Outline = Review.Decision, Review.Outline


@dataclass(frozen=True)
class Answer:
    """What a doctor says is on the slice, and whose outline that has."""

    label: str
    outline: Review.Outline
    mask: Mask


def review(
    *,
    user: User,
    analysis: Analysis,
    decision: str,
    label: str = "",
    outline: Sequence[Ring] | None = None,
    mask: UploadedFile | None = None,
    reason: str = "",
    comment: str = "",
    supersedes: int | None = None,
) -> Review:
    """Decide about a reading; the model's own answer stays as it is.

    Args:
        label: For a correction: what it is, if not what the model says.
        outline: For a correction: rings of [x, y]; an empty list says that there is nothing.
        mask: The same as a PNG of the slice's size.
        reason: For a rejection: why.
        supersedes: The version of the review that the doctor has seen and decides anew.

    Raises:
        Forbidden: `doctor_required`.
        Conflict: `not_reviewable`, `reading_contradicts_itself`; `review_conflict`, with the
            review that stands, unless that is the one to be superseded.
        ApiError: `only_with_corrected`, `only_with_rejected`, `required`, `outline_and_mask`,
            `nothing_corrected`, `outline_contradicts_label`, `outline_empty`, `outline_required`,
            and those of `drawings`.
    """
    if not user.is_doctor:
        raise Forbidden("doctor_required", "Only a doctor decides about a reading.")
    if analysis.status != Analysis.Status.DONE:
        raise Conflict(
            "not_reviewable", f"Only a done analysis is reviewed; this is {analysis.status}."
        )
    check_form(decision, label, outline, mask, reason)
    refuse_unseen(analysis, supersedes)
    # Before the transaction, as with uploads: decoding and drawing take their time.
    written = Review(
        analysis=analysis,
        decision=decision,
        reason=reason,
        comment=comment,
        reviewer=user,
        reviewer_name=str(user)[:255],
        outline=Outline.NONE,
    )
    pictures: dict[str, np.ndarray] = {}
    if decision != Decision.REJECTED:
        models_mask = stored_mask(analysis.mask)
        if decision == Decision.SIGNED:
            answer = signed(analysis, models_mask)
        else:
            drawn = drawn_mask(analysis.scan, outline, mask)
            answer = corrected(analysis, models_mask, label, drawn)
        pictures = fill_in(written, answer, models_mask)
    return store(written, pictures, supersedes)


@transaction.atomic
def comment(*, user: User, analysis: Analysis, text: str) -> Comment:
    """Remark on an analysis without deciding anything."""
    written = Comment.objects.create(
        analysis=analysis, author=user, author_name=str(user)[:255], text=text
    )
    tell(analysis)
    return written


def check_form(
    decision: str,
    label: str,
    outline: Sequence[Ring] | None,
    mask: UploadedFile | None,
    reason: str,
) -> None:
    """Refuse what does not go with the decision, rather than lose it in silence."""
    given = {"label": label, "outline": outline is not None, "mask": mask is not None}
    for field, value in given.items():
        if value and decision != Decision.CORRECTED:
            raise ApiError("only_with_corrected", "Only a correction has this.", field=field)
    if reason and decision != Decision.REJECTED:
        raise ApiError(
            "only_with_rejected", "Only a rejection has a reason; use the comment.", field="reason"
        )
    if decision == Decision.REJECTED and not reason:
        raise ApiError("required", "Say why the reading is rejected.", field="reason")
    if given["outline"] and given["mask"]:
        raise ApiError("outline_and_mask", "Send either polygons or a mask.", field="mask")


def refuse_unseen(analysis: Analysis, supersedes: int | None) -> None:
    """Let a decision pass only if its doctor has seen the one that stands.

    Raises:
        Conflict: `review_conflict`.
    """
    standing = analysis.reviews.filter(is_current=True).first()
    if (standing.version if standing else None) != supersedes:
        raise review_conflict(standing)


def review_conflict(standing: Review | None) -> Conflict:
    if standing is None:
        return Conflict("review_conflict", "There is no such review of this reading.")
    return Conflict(
        "review_conflict",
        f"{standing.reviewer_name} has reviewed this reading. Look at that, and say with its "
        "version as `supersedes` that yours takes its place.",
        version=standing.version,
        decision=standing.decision,
        reviewer=standing.reviewer_name,
        at=standing.created_at.isoformat(),
    )


def signed(analysis: Analysis, models_mask: Mask) -> Answer:
    """The model's answer, as the doctor's own.

    Raises:
        Conflict: `reading_contradicts_itself`: both cannot be right.
    """
    outlined = bool(models_mask.any())
    if outlined == (analysis.label == Label.NO_TUMOR):
        raise Conflict(
            "reading_contradicts_itself",
            "The model's class and its outline contradict each other: correct one of them.",
        )
    return Answer(analysis.label, Outline.MODEL if outlined else Outline.NONE, models_mask)


def drawn_mask(
    scan: Scan, outline: Sequence[Ring] | None, mask: UploadedFile | None
) -> Mask | None:
    """What the doctor outlined, as pixels; None when that was not said."""
    if outline is not None:
        return mask_of_rings(outline, scan)
    return mask_of_picture(mask, scan) if mask is not None else None


def corrected(analysis: Analysis, models_mask: Mask, label: str, drawn: Mask | None) -> Answer:
    """The doctor's label and outline; what was not said is as the model has it.

    Raises:
        ApiError: see `review`.
    """
    label = label or analysis.label
    if label == Label.NO_TUMOR:
        # Where there is no tumour there is nothing to outline: that need not be said.
        final = np.zeros_like(models_mask) if drawn is None else drawn
        if final.any():
            raise ApiError(
                "outline_contradicts_label", "No tumour, yet an outline.", field="outline"
            )
    else:
        final = models_mask if drawn is None else drawn
        if not final.any() and drawn is None:
            raise ApiError(
                "outline_required",
                "The model outlined nothing: outline the tumour.",
                field="outline",
            )
        if not final.any():
            raise ApiError("outline_empty", "A tumour, yet nothing outlined.", field="outline")
    as_the_models = bool((final == models_mask).all())
    if as_the_models and label == analysis.label:
        raise ApiError("nothing_corrected", "This is what the model says: sign it.")
    if not final.any():
        return Answer(label, Outline.NONE, final)
    return Answer(label, Outline.MODEL if as_the_models else Outline.DOCTOR, final)


def fill_in(written: Review, answer: Answer, models_mask: Mask) -> dict[str, np.ndarray]:
    """Complete a review with what follows from the answer; return the pictures to be stored."""
    analysis = written.analysis
    written.label, written.outline = answer.label, answer.outline
    written.polygons = trace(answer.mask)
    written.dice = dice(models_mask, answer.mask)
    if answer.outline == Outline.MODEL:
        written.measurements = analysis.measurements
    if answer.outline != Outline.DOCTOR:
        return {}
    with analysis.scan.original.open("rb") as original:
        slice_ = decode(original.read())
    pixels = slice_.pixels
    where = sides(answer.mask, prepare(pixels), slice_.row_direction)
    measurements = measure(answer.mask, spacing_of(analysis.scan), sides=where)
    written.measurements = measurements
    return {
        "mask": answer.mask,
        "overlay": overlay(pixels, answer.mask, measurements, DOCTORS_OUTLINE),
    }


def store(written: Review, pictures: dict[str, np.ndarray], supersedes: int | None) -> Review:
    """Write a review, its pictures and what the history says of it: all of it, or nothing."""
    analysis = written.analysis
    try:
        with transaction.atomic(), removed_on_failure(written.mask, written.overlay):
            if supersedes is not None:
                superseded = analysis.reviews.filter(is_current=True, version=supersedes)
                superseded.update(is_current=False)
            written.version = (supersedes or 0) + 1
            for name, pixels in pictures.items():
                getattr(written, name).save(f"{name}.png", ContentFile(png(pixels)), save=False)
            written.save(force_insert=True)
            amend_history(written)
            tell(analysis)
    except IntegrityError:
        refuse_unseen(analysis, supersedes)  # two doctors decided at once
        raise
    return written


def tell(analysis: Analysis) -> None:
    changes.publish(
        patient_id=analysis.scan.patient_id,
        kind=changes.Kind.ANALYSIS,
        object_id=analysis.id,
        action=changes.Action.UPDATED,
    )


def spacing_of(scan: Scan) -> tuple[float, float] | None:
    if scan.row_spacing_mm is None or scan.column_spacing_mm is None:
        return None
    return scan.row_spacing_mm, scan.column_spacing_mm
