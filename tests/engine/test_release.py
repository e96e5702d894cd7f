"""A release that is missing or damaged is named, not run."""

import json
import shutil
from pathlib import Path

import pytest

from inference.engine.engine import Engine
from inference.engine.release import ReleaseError, find_release


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


@pytest.mark.parametrize(
    "name", ["classifier.bin", "classifier.xml", "segmenter.bin", "accept.npz"]
)
def test_a_changed_file_is_noticed(copied: Path, name: str) -> None:
    data = bytearray((copied / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copied / name).write_bytes(data)
    assert code_of(copied) == "release_corrupt"


def test_a_lost_file_is_noticed(copied: Path) -> None:
    (copied / "segmenter.bin").unlink()
    assert code_of(copied) == "release_corrupt"


def test_a_damaged_card_is_noticed(copied: Path) -> None:
    (copied / "card.json").write_text("{")
    assert code_of(copied) == "release_corrupt"


def test_a_card_for_other_classes_is_refused(copied: Path) -> None:
    card = json.loads((copied / "card.json").read_text())
    card["classes"] = card["classes"][::-1]
    (copied / "card.json").write_text(json.dumps(card))
    assert code_of(copied) == "release_corrupt"
