"""Several sealers and writers at the same time make one chain."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from audit import services
from audit.models import Event
from tests.audit.test_chain import verify


@pytest.mark.skipif(
    connection.vendor == "sqlite",
    reason="SQLite in memory has table locks; in a file every transaction has the write lock",
)
@pytest.mark.django_db(transaction=True)
def test_sealers_at_once_do_not_fork_the_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "BATCH", 3)

    def write() -> None:
        for _ in range(10):
            services.record(user=None, action="patient.read")

    def seal() -> None:
        for _ in range(5):
            services.seal()

    at_once(write, seal, seal, write, seal)
    services.seal()

    assert "20 events verified; 0 not sealed yet" in verify()
    places = Event.objects.order_by("sequence").values_list("sequence", flat=True)
    assert list(places) == list(range(1, 21))


def at_once(*jobs: Callable[[], None]) -> None:
    def run(job: Callable[[], None]) -> None:
        try:
            job()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(jobs)) as pool:
        list(pool.map(run, jobs))
