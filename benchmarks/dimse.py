"""How many objects a second the DICOM listener takes in: `python -m benchmarks.dimse`.

Starts `manage.py dicom_listen` with an empty database, and sends it series of slices of 256 x 256
pixels of 16 bits with dcmtk's `storescu` (which costs the two cores little), over one association
and over several at once. Each object is matched to its patient and filed, with its row and its
file, before it is answered. Uses the database of the environment's settings where DATABASE_URL is
set (a fresh one), else SQLite.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import numpy as np
import psycopg2
from pydicom.uid import generate_uid

from tests.series.make import as_bytes, make_series

ROOT = Path(__file__).resolve().parent.parent
SENDER, NUMBER, ISSUER = "BENCH", "P-17", "Bench hospital"
PREPARE = f"""
import django; django.setup()
from django.core.management import call_command
from accounts.models import User
from dicom.models import Peer
from patients.services import create_patient
call_command("migrate", verbosity=0)
user = User.objects.create_user("bench@falx.example", "x" * 20, role=User.Role.DOCTOR)
create_patient(user=user, family_name="Bench",
               identifiers=[{{"issuer": {ISSUER!r}, "value": {NUMBER!r}}}])
Peer.objects.create(name="Bench", ae_title={SENDER!r}, issuer={ISSUER!r}, may_store=True)
"""
COUNT = """
import django; django.setup()
from scans.models import Instance
print(Instance.objects.count())
"""


def main() -> None:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=500, help="for each association")
    options = parser.parse_args()
    print(
        f"{'associations':>12} {'objects':>8} {'seconds':>8} {'objects/s':>10} {'CPU ms each':>12}"
    )
    with installation() as env:
        listening = [sys.executable, "manage.py", "dicom_listen", "--port", "0"]
        process = subprocess.Popen(listening, cwd=ROOT, env=env, stdout=subprocess.PIPE)  # noqa: S603
        sent = 0
        try:
            port = int(process.stdout.readline().rpartition(b":")[2])  # type: ignore[union-attr]
            send(port, 20, at_once=4)  # the first are slower
            sent += 80
            for at_once in (1, 2, 4):
                used = cpu_seconds(process.pid)
                seconds = send(port, options.objects, at_once)
                count = at_once * options.objects
                sent += count
                each_ms = (cpu_seconds(process.pid) - used) / count * 1000
                rate = count / seconds
                print(f"{at_once:12} {count:8} {seconds:8.1f} {rate:10.0f} {each_ms:12.1f}")
        finally:
            process.terminate()
            process.wait(timeout=60)
        kept = subprocess.run([sys.executable, "-c", COUNT], cwd=ROOT, env=env, capture_output=True)  # noqa: S603
        if int(kept.stdout) != sent:
            raise SystemExit(f"Not all are kept: {kept}")


def send(port: int, count: int, at_once: int) -> float:
    """Send so many slices of a new series over each association; return the seconds it took."""
    called = ["-xe", "-aet", SENDER, "-aec", "FALX", "127.0.0.1", str(port)]
    with TemporaryDirectory() as folder:
        senders = []
        for number in range(at_once):
            series = Path(folder, str(number))
            series.mkdir()
            write_slices(series, count)
            senders.append(["storescu", *called, "+sd", str(series)])
        began = time.monotonic()
        running = [subprocess.Popen(each, stdout=subprocess.DEVNULL) for each in senders]  # noqa: S603
        if any(status != 0 for status in [each.wait() for each in running]):
            raise SystemExit("Something was refused.")
        return time.monotonic() - began


def cpu_seconds(pid: int) -> float:
    """Processor time of a process and its children so far, the same on a busy machine."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    ticks = 0
    for each in [pid, *children]:
        fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def write_slices(folder: Path, count: int) -> None:
    (one,) = make_series(slices=1, rows=256, columns=256, PatientID=NUMBER)
    one.PixelData = np.random.default_rng(0).integers(0, 4096, (256, 256), np.uint16).tobytes()
    one.StudyInstanceUID, one.SeriesInstanceUID = generate_uid(), generate_uid()
    for number in range(1, count + 1):
        one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        one.InstanceNumber = number
        (folder / f"{number}.dcm").write_bytes(as_bytes(one))


@contextmanager
def installation() -> Iterator[dict[str, str]]:
    """Yield the environment of an installation of its own, with the patient and the sender."""
    postgres = os.environ.get("DATABASE_URL")
    with TemporaryDirectory() as folder:
        env = os.environ | {
            "DJANGO_SETTINGS_MODULE": "backend.settings",
            "FALX_VAR": f"{folder}/var",
            "MEDIA_ROOT": f"{folder}/media",
            "LOG_LEVEL": "WARNING",
        }
        if postgres:
            env["DATABASE_URL"] = urlsplit(postgres)._replace(path="/falx_bench_dimse").geturl()
            maintain(postgres, "DROP DATABASE IF EXISTS falx_bench_dimse WITH (FORCE)")
            maintain(postgres, "CREATE DATABASE falx_bench_dimse")
        subprocess.run([sys.executable, "-c", PREPARE], cwd=ROOT, env=env, check=True)  # noqa: S603
        yield env
        if postgres:
            maintain(postgres, "DROP DATABASE falx_bench_dimse WITH (FORCE)")


def maintain(server: str, statement: str) -> None:
    connection = psycopg2.connect(server)
    connection.autocommit = True
    connection.cursor().execute(statement)
    connection.close()


if __name__ == "__main__":
    main()
