"""Jobs survive: whatever dies or is lost, the reading stands in the history exactly once."""

import os
import signal
from typing import Any

from tests.jobs.deployment import Deployment, child_of, kill, stop, until
from tests.jobs.phone import Phone
from tests.samples import sample

Answer = dict[str, Any]


def test_a_scan_is_read_and_its_worker_stops_when_asked(
    falx: Deployment, phone: Phone, patient: Answer
) -> None:
    worker = falx.worker()
    scan = phone.upload(patient, sample("glioma"))
    assert scan["analysis"]["status"] == "queued"

    done = ended(phone, scan["analysis"])

    assert done["status"] == "done"
    assert abs(sum(done["probabilities"].values()) - 1) < 1e-6
    assert entries(phone, patient) == [done["id"]]
    assert stop(worker) == 0


def test_another_worker_finishes_what_a_killed_one_had_begun(
    falx: Deployment, phone: Phone, patient: Answer
) -> None:
    scan = phone.upload(patient, sample("glioma"))
    with falx.held(scan):
        worker = falx.worker(ANALYSIS_LEASE_S="2")
        until(lambda: phone.analysis(scan["analysis"])["status"] == "running")
        kill(worker)
    assert phone.analysis(scan["analysis"])["status"] == "running"  # nobody has noticed yet

    falx.worker()
    done = ended(phone, scan["analysis"])

    assert (done["status"], done["attempts"]) == ("done", 2)
    assert entries(phone, patient) == [done["id"]]


def test_a_worker_goes_on_when_the_kernel_kills_the_child_that_reads(
    falx: Deployment, phone: Phone, patient: Answer
) -> None:
    scan = phone.upload(patient, sample("glioma"))
    with falx.held(scan):
        # Long enough for the next child to load the engine on a busy machine.
        worker = falx.worker(sweeps=False, ANALYSIS_LEASE_S="12")
        until(lambda: phone.analysis(scan["analysis"])["status"] == "running")
        os.kill(child_of(worker), signal.SIGKILL)
    falx.start("exec celery --quiet -A backend beat")
    done = ended(phone, scan["analysis"])

    assert (done["status"], done["attempts"]) == ("done", 2)
    assert entries(phone, patient) == [done["id"]]
    assert worker.poll() is None


def test_an_emptied_broker_loses_nothing(falx: Deployment, phone: Phone, patient: Answer) -> None:
    scan = phone.upload(patient, sample("glioma"))
    assert falx.waiting() == 1
    falx.empty_broker()
    assert falx.waiting() == 0

    falx.worker()
    done = ended(phone, scan["analysis"])

    assert (done["status"], done["attempts"]) == ("done", 1)
    assert entries(phone, patient) == [done["id"]]


def test_a_broker_emptied_under_a_running_worker_loses_nothing(
    falx: Deployment, phone: Phone, patient: Answer
) -> None:
    falx.worker()
    first = phone.upload(patient, sample("glioma"))
    ended(phone, first["analysis"])
    falx.empty_broker()

    second = phone.upload(patient, sample("meningioma"))
    falx.empty_broker()
    done = ended(phone, second["analysis"])

    assert done["status"] == "done"
    assert sorted(entries(phone, patient)) == sorted([first["analysis"]["id"], done["id"]])


def test_one_job_delivered_often_and_to_two_workers_is_done_once(
    falx: Deployment, phone: Phone, patient: Answer
) -> None:
    scan = phone.upload(patient, sample("glioma"))
    for _ in range(5):
        falx.send(scan["analysis"])
    assert falx.waiting() == 6

    first, second = falx.worker(), falx.worker(sweeps=False)
    done = ended(phone, scan["analysis"])
    falx.send(scan["analysis"])
    until(lambda: not falx.waiting())

    # Both end in good order, hence have worked off whatever they had taken.
    assert (stop(first), stop(second)) == (0, 0)
    assert phone.analysis(scan["analysis"]) == done
    assert (done["status"], done["attempts"]) == ("done", 1)
    assert entries(phone, patient) == [done["id"]]


def test_an_upload_is_taken_while_the_broker_cannot_be_reached(
    falx: Deployment, phone: Phone, patient: Answer
) -> None:
    with falx.broker_down(phone) as cut_off:
        scan = cut_off.upload(patient, sample("glioma"))
    assert falx.waiting() == 0

    falx.worker()
    done = ended(phone, scan["analysis"])

    assert done["status"] == "done"
    assert entries(phone, patient) == [done["id"]]


def test_what_was_cancelled_while_queued_never_runs(
    falx: Deployment, phone: Phone, patient: Answer
) -> None:
    unwanted = phone.upload(patient, sample("glioma"))
    phone.cancel(unwanted["analysis"])
    wanted = phone.upload(patient, sample("meningioma"))

    worker = falx.worker()
    done = ended(phone, wanted["analysis"])  # its message came after the cancelled one's
    stop(worker)

    cancelled = phone.analysis(unwanted["analysis"])
    assert (cancelled["status"], cancelled["attempts"]) == ("cancelled", 0)
    assert entries(phone, patient) == [done["id"]]


def test_what_failed_is_done_when_it_is_retried(
    falx: Deployment, phone: Phone, patient: Answer
) -> None:
    scan = phone.upload(patient, sample("glioma"))
    original = falx.original(scan)
    missing = original.rename(original.with_suffix(".missing"))
    falx.worker(ANALYSIS_MAX_ATTEMPTS="2")
    failed = ended(phone, scan["analysis"])
    assert (failed["status"], failed["attempts"]) == ("failed", 2)
    assert failed["error"]["code"] == "storage_unavailable"
    assert entries(phone, patient) == []

    missing.rename(original)
    phone.retry(failed)
    done = ended(phone, failed)

    assert (done["status"], done["error"]) == ("done", None)
    assert entries(phone, patient) == [done["id"]]


def test_a_reading_that_hangs_is_stopped(falx: Deployment, phone: Phone, patient: Answer) -> None:
    scan = phone.upload(patient, sample("glioma"))
    with falx.held(scan):
        falx.worker(ANALYSIS_TIME_LIMIT_S="7", ANALYSIS_MAX_ATTEMPTS="1")
        failed = ended(phone, scan["analysis"])

    assert (failed["status"], failed["error"]["code"]) == ("failed", "time_limit")


def ended(phone: Phone, analysis: Answer) -> Answer:
    """Follow an analysis until it has ended, one way or another."""
    return until(
        lambda: (
            now
            if (now := phone.analysis(analysis))["status"] not in ("queued", "running")
            else None
        )
    )


def entries(phone: Phone, patient: Answer) -> list[str]:
    """The analyses whose readings stand in the patient's history."""
    return [entry["data"]["analysis"] for entry in phone.history(patient)]
