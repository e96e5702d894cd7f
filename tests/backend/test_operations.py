"""What nobody starts here day by day still fits the code: image, compose file, documentation."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
OURS = ("migrate", "web", "worker", "beat", "dicom")


@pytest.fixture(scope="module")
def compose() -> Any:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def test_every_variable_is_documented() -> None:
    read = re.findall(r'env\.\w+\(\s*"(\w+)"', (ROOT / "backend/settings.py").read_text())
    documented = re.findall(r"^\| `(\w+)`", (ROOT / "docs/operations.md").read_text(), re.MULTILINE)
    assert len(set(read)) > 20
    assert set(read) <= set(documented)


def test_everything_that_the_image_copies_is_there() -> None:
    copied = re.findall(r"^COPY (?!--from)(\S+) ", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    sent = (ROOT / ".dockerignore").read_text().splitlines()
    assert "requirements/serving.txt" in copied
    for source in copied:
        assert (ROOT / source).exists(), source
        assert {f"!{source}", f"!{source}/"} & set(sent), f"{source} does not reach the builder"


def test_every_app_is_in_the_image() -> None:
    apps = {path.parent.name for path in ROOT.glob("*/apps.py")}
    copied = re.findall(r"^COPY (\w+) \1$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert apps
    assert apps <= set(copied)


def test_no_secret_has_a_default(compose: Any) -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    for name in ("SECRET_KEY", "POSTGRES_PASSWORD", "REDIS_PASSWORD", "ALLOWED_HOSTS"):
        uses = re.findall(rf"\$\{{{name}(.*?)\}}", text)
        assert uses
        assert all(use.startswith(":?") for use in uses), name
    example = dict(
        line.split("=", 1)
        for line in (ROOT / ".env.example").read_text().splitlines()
        if re.match(r"\w+=", line)
    )
    assert example["SECRET_KEY"] == example["POSTGRES_PASSWORD"] == example["REDIS_PASSWORD"] == ""


def test_our_containers_may_do_as_little_as_possible(compose: Any) -> None:
    for name in OURS:
        service = compose["services"][name]
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
    assert re.search(r"^USER (?!root)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)


def test_nothing_starts_before_what_it_needs(compose: Any) -> None:
    services = compose["services"]
    for name in ("web", "worker", "beat", "dicom"):
        assert {on: need["condition"] for on, need in services[name]["depends_on"].items()} == {
            "migrate": "service_completed_successfully",
            "postgres": "service_healthy",
            "redis": "service_healthy",
        }
    assert "healthcheck" in services["postgres"]
    assert "healthcheck" in services["redis"]


def test_a_worker_knows_every_task_that_the_clock_sends() -> None:
    """In a process of its own: here, another test may have imported what a worker does not."""
    unknown = (
        "from backend.celery import app; app.loader.import_default_modules();"
        "print({e['task'] for e in app.conf.beat_schedule.values()} - set(app.tasks))"
    )
    found = subprocess.run([sys.executable, "-c", unknown], cwd=ROOT, capture_output=True)
    assert found.stdout.decode().strip() == "set()", found.stderr.decode()
