"""Slices of one series that come over several connections in the same moment."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from patients.models import Change, Patient
from scans.models import Instance, Series, Study
from scans.series.services import file_instance, settle
from tests.series.make import as_bytes, make_series

SENDERS = 4

pytestmark = [
    pytest.mark.skipif(
        connection.vendor == "sqlite",
        reason="SQLite in memory has table locks; in a file every transaction has the write lock",
    ),
    pytest.mark.django_db(transaction=True),
]


def test_all_slices_are_there_once_and_the_series_is_settled_as_a_whole(patient: Patient) -> None:
    slices = [as_bytes(one) for one in make_series(slices=12, Modality="CT")]
    together = Barrier(SENDERS)

    def send(number: int) -> list[bool]:
        try:
            together.wait()
            # Each object is sent by two of them; each of them says that it is done.
            own = slices[number // 2 :: SENDERS // 2]
            filed = [file_instance(patient=patient, data=data) for data in own]
            settle(filed[-1].instance.series)
            return [one.already_there for one in filed]
        finally:
            connection.close()

    with ThreadPoolExecutor(SENDERS) as pool:
        already_there = [known for sent in pool.map(send, range(SENDERS)) for known in sent]

    assert sorted(already_there) == [False] * 12 + [True] * 12
    assert (Study.objects.count(), Instance.objects.count()) == (1, 12)
    series = settle(Series.objects.get())
    assert (series.facts["slices"], series.problems) == (12, [])
    began = Change.objects.filter(object_id=series.id, action=Change.Action.CREATED)
    assert began.count() == 1
