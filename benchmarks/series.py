"""How long a series takes from its last byte to its reading: `python -m benchmarks.series`.

Files the slices of one series (`samples/`, repeated) into a database of its own, settles it and
does what a worker does, all in this process, and prints the seconds of each stage: on the wall, and
of the processor, which says more where others use the machine too. The engine's own steps are in
milliseconds; those that run side by side add up to more than their time.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def main() -> None:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slices", type=int, default=150)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["FALX_VAR"] = os.environ["MEDIA_ROOT"] = folder
        os.environ["DJANGO_SETTINGS_MODULE"] = "backend.settings"
        import django

        django.setup()
        measure(Path(folder), options.slices)


def measure(folder: Path, count: int) -> None:
    from django.conf import settings
    from django.core.management import call_command

    from accounts.models import User
    from inference import runs
    from inference.models import SeriesAnalysis
    from inference.series import runs as series_runs
    from patients.services import create_patient
    from scans.decoding import decode
    from scans.series.services import file_instance, settle
    from tests.inference.series_of import series_of
    from tests.series.make import as_bytes

    settings.MEDIA_ROOT = str(folder)
    call_command("migrate", verbosity=0)
    doctor = User.objects.create_user("doctor@example.org", role=User.Role.DOCTOR)
    patient = create_patient(user=doctor, family_name="Haddad")
    kinds = ["no_tumor"] * (count // 2) + ["glioma"] * (count - count // 2)
    objects = [as_bytes(one) for one in series_of(*kinds, between=1.0)]
    runs.engine().read_series([decode(objects[0])])  # loaded before, as a worker has it

    print(f"{count} slices, seconds {'':8}{'wall':>8} {'cpu':>8}")
    filed = timed("file", lambda: [file_instance(patient=patient, data=one) for one in objects])
    series = timed("settle", lambda: settle(filed[0].instance.series))
    analysis = SeriesAnalysis.objects.get(series=series)
    timed("read", lambda: series_runs.run(analysis.id))
    analysis.refresh_from_db()
    print(f"{analysis.status}: {analysis.label}, {analysis.measurements}")
    print(f"steps, ms: {analysis.elapsed_ms}")


def timed(name: str, work: Callable[[], T]) -> T:
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{name:24} {wall:8.2f} {cpu:8.2f}")
    return result


if __name__ == "__main__":
    main()
