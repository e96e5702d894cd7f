"""One installation for all of these tests; every test has its own patient and its own workers."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.jobs.deployment import Deployment, kill
from tests.jobs.phone import Phone


@pytest.fixture
def falx(
    deployment: Deployment, phone: Phone, request: pytest.FixtureRequest
) -> Iterator[Deployment]:
    """The installation with its web server, no worker, and nothing in its broker."""
    deployment.log.write_text("")
    before = list(deployment.processes)
    deployment.empty_broker()
    yield deployment
    for process in [p for p in deployment.processes if p not in before]:
        kill(process)
        deployment.processes.remove(process)
    request.node.add_report_section("teardown", "processes", deployment.log.read_text()[-20_000:])


@pytest.fixture
def patient(falx: Deployment, phone: Phone) -> dict[str, Any]:
    return phone.open_file()
