"""Pooled numbers on slices that one can judge by hand."""

from dataclasses import replace

import numpy as np
import pytest

from inference.training.judge import Choice, Judged, Outline
from inference.training.metrics import calibration_error, softmax
from inference.training.pooled import cross_fitted, with_rule
from inference.training.scores import outline_scores, patient_majority, probabilities
from inference.training.sources import CLASSES, SliceRecord


def test_the_majority_of_a_patients_slices_decides() -> None:
    right, wrong = [0.1, 0.7, 0.1, 0.1], [0.6, 0.2, 0.1, 0.1]
    slices = [_slice("meningioma", shares, patient="P1") for shares in (right, right, wrong)]
    slices += [_slice("meningioma", shares, patient="P2") for shares in (right, wrong, wrong)]
    # A tie: the higher sum of probabilities counts.
    slices += [_slice("meningioma", shares, patient="P3") for shares in (right, wrong)]
    assert patient_majority(slices) == {"P1": True, "P2": False, "P3": True}


def test_the_rule_removes_outlines_where_no_tumor_is_all_but_certain() -> None:
    clear, unsure = [0.01, 0.01, 0.01, 0.97], [0.1, 0.1, 0.1, 0.7]
    false = Outline(dice=0.0, area=50, wanted_area=0, overlap=0, side=512)
    slices = [_slice("no_tumor", shares, outline=false) for shares in (clear, unsure)]
    assert outline_scores(slices)["tumor_free_with_mask"] == 1
    assert outline_scores(with_rule(slices))["tumor_free_with_mask"] == 0.5
    found = Outline(dice=0.8, area=50, wanted_area=50, overlap=40, side=512)
    missed = with_rule([_slice("glioma", clear, outline=found)])
    assert outline_scores(missed)["missed"] == 1
    assert outline_scores(missed)["dice"] == 0


def test_certainty_fitted_on_other_runs_is_honest_and_never_sees_its_own_labels() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(size=(900, 4)) * 1.5
    labels = [CLASSES[random.choice(4, p=row)] for row in softmax(logits)]
    sure = softmax(logits * 3)
    slices = [
        _slice(label, shares.tolist(), run=place % 3)
        for place, (label, shares) in enumerate(zip(labels, sure, strict=True))
    ]
    crossed = cross_fitted(slices)
    raw, shares, truth = probabilities(crossed)
    assert calibration_error(shares, truth) < 0.06 < calibration_error(raw, truth)
    turned = [
        replace(own, record=replace(own.record, label="glioma")) if own.run == 0 else own
        for own in slices
    ]
    first, again = (
        [own for own in cross_fitted(every) if own.run == 0] for every in (slices, turned)
    )
    assert (probabilities(first)[1] == probabilities(again)[1]).all()


def test_two_runs_do_not_calibrate_each_other() -> None:
    assert cross_fitted([_slice("glioma", [0.7, 0.1, 0.1, 0.1], run=run) for run in (0, 1)]) == []


def test_errors_of_size_are_of_the_tumors_that_were_found() -> None:
    outlines = [
        Outline(dice=0.9, area=110, wanted_area=100, overlap=95, side=512),
        Outline(dice=0.0, area=0, wanted_area=100, overlap=0, side=512),
    ]
    scores = outline_scores([_slice("glioma", [1, 0, 0, 0], outline=own) for own in outlines])
    assert scores["missed"] == 0.5
    assert scores["area_error"]["median"] == pytest.approx(0.1)


def _slice(
    label: str,
    shares: list[float],
    *,
    patient: str = "P1",
    run: int = 0,
    outline: Outline | None = None,
) -> Judged:
    record = SliceRecord("figshare", "1.jpg", "1.png", -1, label, patient, "", 0, "test")
    own = np.array(shares)
    return Judged(record, "ax", run, 0, Choice(), raw=own, shares=own, outline=outline)
