from pathlib import Path

import pytest

from inference.engine.release import RELEASES
from inference.training.cli import main
from tests.training.miniature import make_data


def test_a_release_is_measured_as_it_is_served(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = make_data(tmp_path)
    release = str(RELEASES / "2026.11")
    assert main(["readings", "--release", release, "--data", str(data)]) == 0
    rows = [line.split(" | ") for line in capsys.readouterr().out.splitlines()[2:]]
    home = rows[0]
    assert home[1] == "8"  # six slices with a tumour, two without
    assert home[3] == "100.0 %"
    assert float(home[5]) > 0.6
    assert home[6] == "0.0 %"
