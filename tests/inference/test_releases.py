"""Which releases can read, what their cards say, and what becomes of a damaged one."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from rest_framework.test import APIClient

from inference import runs
from inference.engine.release import CARD, CLASSES, RELEASES, find_release
from inference.models import Analysis
from reports.cards import card_of

JOINT = {
    "name": "2027.1",
    "created": "2027-01-05T10:00:00+00:00",
    "classes": CLASSES,
    "joint": {
        "members": {"fold-0": "fold:0"},
        "architecture": {"joint": "tf_efficientnet_lite0"},
        "size": 256,
        "temperature": 0.7,
        "threshold": 0.45,
        "min_area_fraction": 0.0006,
        "set_threshold": 0.2,
        "outer_level": 0.02,
        "dice_knots": [[0.7, 0.4], [0.9, 0.8]],
    },
    "accept": {"architecture": {}, "size": 224, "threshold": 1.0},
    "metrics": {
        "classes": {
            "groups": {
                "home": {"accuracy": 0.95, "slices": 1379},
                "other_scanners": {"accuracy": 0.9, "slices": 67},
            }
        },
        "outlines": {"groups": {"figshare": {"dice": 0.73, "tumor_slices": 975}}},
    },
    "files": {},
}


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Path:
    """Where releases are: the real one, which is active, and the oldest one as 2026.10."""
    settings.FALX_RELEASE = ""
    monkeypatch.delenv("FALX_RELEASE", raising=False)
    real = find_release()
    for name, folder in ((real.name, real.folder), ("2026.10", RELEASES / "2026.11")):
        (tmp_path / name).mkdir()
        for file in folder.iterdir():
            (tmp_path / name / file.name).symlink_to(file)
        card = json.loads((folder / CARD).read_text())
        (tmp_path / name / CARD).unlink()
        (tmp_path / name / CARD).write_text(json.dumps(card | {"name": name}))
    for user in ("inference.engine.release", "reports.cards"):
        monkeypatch.setattr(f"{user}.RELEASES", tmp_path)
    return tmp_path


def again(as_doctor: APIClient, done: Analysis, release: str) -> dict[str, Any]:
    """Have a scan read again; returns the analysis once a worker has been at it."""
    answer = as_doctor.post(reverse("scan-analyses", args=[done.scan_id]), {"release": release})
    assert (answer.status_code, answer.json()["release_wanted"]) == (201, release)
    runs.run(answer.json()["id"])
    body: dict[str, Any] = as_doctor.get(reverse("analysis", args=[answer.json()["id"]])).json()
    return body


def test_a_scan_is_read_again_by_another_release(
    as_doctor: APIClient, done: Analysis, installed: Path
) -> None:
    listed = as_doctor.get(reverse("releases")).json()
    assert [(one["name"], one["active"]) for one in listed] == [
        (done.release, True),
        ("2026.10", False),
    ]
    body = again(as_doctor, done, "2026.10")
    assert (body["status"], body["release"]) == ("done", "2026.10")
    first = as_doctor.get(reverse("analysis", args=[done.id])).json()
    assert (first["release"], first["release_wanted"]) == (done.release, None)
    assert body["label"] == first["label"]
    assert body["probabilities"] != pytest.approx(first["probabilities"])


def test_a_damaged_release_reads_nothing(
    as_doctor: APIClient, done: Analysis, installed: Path, settings: Any
) -> None:
    settings.ANALYSIS_MAX_ATTEMPTS = 1
    damaged = installed / "2026.10" / "classifier.bin"
    data = bytearray(damaged.read_bytes())
    data[len(data) // 2] ^= 1
    damaged.unlink()
    damaged.write_bytes(data)
    body = again(as_doctor, done, "2026.10")
    assert (body["status"], body["error"]["code"]) == ("failed", "engine_error")
    assert body["label"] is None


def test_what_the_card_says_is_told_of_either_kind(as_doctor: APIClient, installed: Path) -> None:
    (installed / "2027.1").mkdir()
    (installed / "2027.1" / CARD).write_text(json.dumps(JOINT))
    joint, *_, two = as_doctor.get(reverse("releases")).json()
    assert joint == {
        "name": "2027.1",
        "active": True,
        "created": JOINT["created"],
        "classifier": "tf_efficientnet_lite0",
        "segmenter": "tf_efficientnet_lite0",
        "accuracy": 0.95,
        "dice": 0.73,
        "set_threshold": 0.2,
    }
    assert two["set_threshold"] is None
    assert two["segmenter"]
    assert two["dice"] > 0.5
    card_of.cache_clear()
    card = card_of("2027.1")
    card_of.cache_clear()
    assert (card.home_accuracy, card.other_accuracy) == ((0.95, 1379), (0.9, 67))
    assert card.dice == (0.73, 975)
