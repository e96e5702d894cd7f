"""A release that is missing or damaged is named, not run."""

import json
import shutil
from pathlib import Path

import pytest

from inference.engine.engine import Engine
from inference.engine.release import RELEASES, ReleaseError, find_release
from tests.samples import sample


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The default release, in a place where it may be damaged."""
    return Path(shutil.copytree(find_release().folder, tmp_path / "release"))


def code_of(folder: Path) -> str:
    with pytest.raises(ReleaseError) as caught:
        Engine.load(folder)
    return caught.value.code


def test_a_copied_release_loads_under_its_own_name(copied: Path) -> None:
    assert Engine.load(copied).release == find_release().name


def test_a_missing_release_is_told(tmp_path: Path) -> None:
    assert code_of(tmp_path / "nowhere") == "release_missing"
    assert code_of(tmp_path) == "release_missing"


def test_the_environment_chooses_the_release(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FALX_RELEASE", str(copied))
    assert find_release().folder == copied


def test_without_a_choice_the_newest_release_is_taken(
    copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("2026.9", "2026.11", "2025.12"):
        shutil.copytree(copied, tmp_path / "releases" / name)
    monkeypatch.delenv("FALX_RELEASE", raising=False)
    monkeypatch.setattr("inference.engine.release.RELEASES", tmp_path / "releases")
    assert find_release().folder.name == "2026.11"


def test_every_release_that_is_kept_can_read() -> None:
    for card in RELEASES.glob("*/card.json"):
        reading = Engine.load(card.parent).read_file(sample("meningioma").read_bytes())
        assert reading.release == card.parent.name
        assert reading.label == "meningioma"
        assert reading.mask is not None
        assert reading.mask.any()


# What the engine reads of a release whose networks are joint, and of one from before.
@pytest.mark.parametrize(
    ("release", "name"),
    [
        (RELEASES / "2026.11", "classifier.bin"),
        (RELEASES / "2026.11", "segmenter.xml"),
        (RELEASES / "2026.11", "accept.npz"),
        *(
            (find_release().folder, f"{name}{kind}")
            for name in (*find_release().classifiers, "gate")
            for kind in (".bin", ".xml")
        ),
    ],
    ids=lambda value: value.name if isinstance(value, Path) else value,
)
def test_a_file_that_is_changed_or_lost_is_noticed(
    tmp_path: Path, release: Path, name: str
) -> None:
    copied = Path(shutil.copytree(release, tmp_path / "release"))
    data = bytearray((copied / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copied / name).write_bytes(data)
    assert code_of(copied) == "release_corrupt"
    (copied / name).unlink()
    assert code_of(copied) == "release_corrupt"


def test_a_damaged_card_is_noticed(copied: Path) -> None:
    (copied / "card.json").write_text("{")
    assert code_of(copied) == "release_corrupt"


def test_a_card_for_other_classes_is_refused(copied: Path) -> None:
    card = json.loads((copied / "card.json").read_text())
    card["classes"] = card["classes"][::-1]
    (copied / "card.json").write_text(json.dumps(card))
    assert code_of(copied) == "release_corrupt"
