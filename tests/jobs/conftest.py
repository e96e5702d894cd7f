"""One installation for all of these tests; every test has its own patient and its own workers."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.jobs.deployment import EMAIL, PASSWORD, Deployment, kill
from tests.jobs.phone import Phone


@pytest.fixture(scope="session")
def _deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    deployment = Deployment(tmp_path_factory.mktemp("deployment"))
    try:
        deployment.prepare()
        yield deployment
    finally:
        deployment.remove()


@pytest.fixture(scope="session")
def phone(_deployment: Deployment) -> Phone:
    """A phone of a doctor who is signed in."""
    phone = _deployment.web()
    phone.sign_in(EMAIL, PASSWORD)
    return phone


@pytest.fixture
def falx(
    _deployment: Deployment, phone: Phone, request: pytest.FixtureRequest
) -> Iterator[Deployment]:
    """The installation with its web server, no worker, and nothing in its broker."""
    _deployment.log.write_text("")
    before = list(_deployment.processes)
    _deployment.empty_broker()
    yield _deployment
    for process in [p for p in _deployment.processes if p not in before]:
        kill(process)
        _deployment.processes.remove(process)
    request.node.add_report_section("teardown", "processes", _deployment.log.read_text()[-20_000:])


@pytest.fixture
def patient(falx: Deployment, phone: Phone) -> dict[str, Any]:
    return phone.open_file()
