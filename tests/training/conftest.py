"""One miniature data folder, prepared once for all tests of training."""

from pathlib import Path

import pytest

from inference.training.cli import main
from tests.training.miniature import make_data


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session")
def prepared(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("prepared")
    assert main(["prepare", "--data", str(data), "--out", str(out), "--size", "96"]) == 0
    return out
