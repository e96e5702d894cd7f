"""One slice on the pages: its pictures, what the models say, what doctors made of that."""

from collections.abc import Iterator
from typing import Any

from django.db.models.fields.files import FieldFile

from inference.models import Analysis, Comment, Review
from inference.runs import percent
from reports.contents import newest_reading
from reports.moments import day, moment
from reports.text import Said, said
from scans.models import Scan

Words = dict[str, Any]
Facts = list[tuple[str, Said]]
Decision, Outline = Review.Decision, Review.Outline
SHADES = {Decision.SIGNED: "agreed", Decision.CORRECTED: "agreed", Decision.REJECTED: "refused"}
MEASURES = (
    ("area", "area_px", "area_mm2"),
    ("longest_diameter", "longest_diameter_px", "longest_diameter_mm"),
    ("perpendicular_diameter", "perpendicular_diameter_px", "perpendicular_diameter_mm"),
)


class SliceWriter:
    """Puts slices into words and remembers which pictures they need, by the name on the page."""

    def __init__(self, word: Words) -> None:
        self.word = word
        self.pictures: dict[str, FieldFile] = {}

    def slice(self, number: int, scan: Scan) -> dict[str, Any]:
        reading = newest_reading(scan)
        done = reading is not None and reading.status == Analysis.Status.DONE
        review = current_review(reading) if reading else None
        return {
            "heading": f"{self.word['slice']} {number}",
            "facts": self.facts(scan),
            "note": said(scan.note) if scan.note else None,
            "pictures": self.shown(number, scan, reading, review),
            "finding": finding(reading, self.word) if reading and done else None,
            "cautions": cautions(reading, self.word) if reading and done else [],
            "measurements": measurements(reading, review, self.word) if reading and done else None,
            "state": state(reading, review, self.word),
            "remarks": remarks(reading, self.word) if reading else [],
        }

    def facts(self, scan: Scan) -> Facts:
        word = self.word
        taken = day(scan.acquired_at) if scan.acquired_at else word["unknown"]
        original = " · ".join(filter(None, [scan.original_name, word["formats"][scan.format]]))
        spacing = word["no_spacing"]
        if scan.row_spacing_mm is not None and scan.column_spacing_mm is not None:
            spacing = f"{scan.row_spacing_mm:.4g} × {scan.column_spacing_mm:.4g} mm"
        facts = [
            (word["taken"], said(taken)),
            (word["uploaded"], said(moment(scan.created_at))),
            (word["size"], said(f"{scan.width_px} × {scan.height_px} px")),
            (word["uploaded_by"], said(scan.uploaded_by or word["nobody"])),
            (word["spacing"], said(spacing)),
            (word["original"], said(original)),
        ]
        if scan.series.description:
            facts.append((word["series"], said(scan.series.description)))
        return facts

    def shown(
        self, number: int, scan: Scan, reading: Analysis | None, review: Review | None
    ) -> list[dict[str, Any]]:
        """The slice as it is, and the same with an outline: the doctor's, where there is one."""
        found = [self.picture(f"{number}-slice.jpg", scan.preview, "picture_slice")]
        if review and review.overlay:
            found.append(self.picture(f"{number}-doctor.jpg", review.overlay, "picture_doctor"))
        elif reading and reading.overlay:
            caption = "picture_outlined" if reading.measurements else "picture_plain"
            found.append(self.picture(f"{number}-model.jpg", reading.overlay, caption))
        return found

    def picture(self, name: str, stored: FieldFile, caption: str) -> dict[str, Any]:
        self.pictures[name] = stored
        legend = {"picture_outlined": "model", "picture_doctor": "doctor"}.get(caption)
        return {"file": name, "caption": self.word[caption], "legend": legend}


def current_review(reading: Analysis) -> Review | None:
    return next((review for review in reading.reviews.all() if review.is_current), None)


def finding(reading: Analysis, word: Words) -> dict[str, Any]:
    probabilities: dict[str, float] = reading.probabilities or {}
    label = word["labels"][reading.label]
    return {
        "statement": word["most_likely"].format(label=label),
        "shares": [
            {
                "label": name,
                "share": probabilities.get(kind, 0.0),
                "text": share(probabilities.get(kind, 0.0)),
                "likeliest": kind == reading.label,
            }
            for kind, name in word["labels"].items()
        ],
    }


def share(probability: float) -> str:
    """Say a probability without ever saying that something is impossible, or certain."""
    return "<1 %" if probability < 0.01 else percent(probability)


def cautions(reading: Analysis, word: Words) -> list[Said]:
    """The engine's reasons in the report's language; one that is not known here as it is."""
    return [said(caution(reading, reason, word)) for reason in reading.reasons]


def caution(reading: Analysis, reason: dict[str, str], word: Words) -> str:
    if reason["code"] == "class_mask_disagree":
        kind = "outline_without_class" if reading.label == "no_tumor" else "class_without_outline"
        return str(word["cautions"][kind])
    if reason["code"] == "unsure":
        probabilities: dict[str, float] = reading.probabilities or {}
        likeliest = sorted(probabilities, key=probabilities.__getitem__)[:-3:-1]
        *most, last = (word["labels"][label] for label in reading.possible_labels or likeliest)
        either = word["comma"].join(most) + word["or"] + last
        return str(word["cautions"]["unsure"]).format(labels=either)
    return str(word["cautions"].get(reason["code"], reason["message"]))


def measurements(reading: Analysis, review: Review | None, word: Words) -> dict[str, Any] | None:
    """Of the outline that stands: the doctor's where one drew it, and none where one says so."""
    stands = reading if review is None or review.decision == Decision.REJECTED else review
    found: dict[str, Any] | None = stands.measurements
    if not found:
        return None
    real = found["area_mm2"] is not None
    drawn = review is not None and review.outline == Outline.DOCTOR
    rows = [
        [word[name], number(found[px])] + ([number(found[mm])] if real else [])
        for name, px, mm in MEASURES
    ]
    return {
        "of": word["of_doctors_outline" if drawn else "of_models_outline"],
        "units": [word["px"], word["mm"]] if real else [word["px"]],
        "rows": rows,
        "note": word["area_unit"] if real else word["no_mm"],
        "facts": list(beside(found, word)),
    }


def beside(found: dict[str, Any], word: Words) -> Iterator[tuple[str, Said]]:
    """What is said of an outline beside its size; readings of old say less."""
    for side in ("side_patient", "side_picture"):
        if found.get(side):
            yield word["side"], said(word[side][found[side]])
            break
    if found.get("expected_dice") is not None:
        yield word["expected_dice"], said(f"{found['expected_dice']:.2f}")


def number(value: float) -> str:
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.1f}"


def state(reading: Analysis | None, review: Review | None, word: Words) -> dict[str, Any]:
    """Whether anybody stands for the reading, and who."""
    states = word["states"]
    if reading is None or reading.status != Analysis.Status.DONE:
        return {
            "shade": "refused",
            "title": states[reading.status if reading else "none"],
            "facts": [],
        }
    facts: Facts = []
    if review is not None:
        facts += [
            (word["by"], said(review.reviewer_name)),
            (word["at"], said(moment(review.created_at))),
        ]
        if review.decision == Decision.CORRECTED:
            facts.append((word["doctors_answer"], said(word["labels"][review.label])))
        if review.reason:
            facts.append((word["reason"], said(review.reason)))
    if reading.finished_at:
        facts.append((word["read_at"], said(moment(reading.finished_at))))
    facts.append((word["release"], said(reading.release)))
    decision = review.decision if review else None
    return {
        "shade": SHADES[Decision(decision)] if decision else "open",
        "title": states[
            "rejected_by_doctor" if decision == Decision.REJECTED else decision or "preliminary"
        ],
        "facts": facts,
        "reading": str(reading.pk),
    }


def remarks(reading: Analysis, word: Words) -> list[dict[str, Any]]:
    """What doctors wrote, in reviews that stand or once stood and beside them; the first first."""
    reviews = [
        (review.created_at, review.reviewer_name, review.comment)
        for review in reading.reviews.all()
        if review.comment
    ]
    written: list[Comment] = list(reading.comments.all())
    comments = [(comment.created_at, comment.author_name, comment.text) for comment in written]
    return [
        {"at": moment(at), "who": said(who), "text": said(text)}
        for at, who, text in sorted(reviews + comments)
    ]
