"""How many objects a second the DICOM listener takes in: `python -m benchmarks.dimse`.

Starts `manage.py dicom_listen` with an empty database, and sends it series of slices of 256 x 256
pixels of 16 bits from another process, over one association and over several at once. Each object
is matched to its patient and filed, with its row and its file, before it is answered. Uses the
database of the environment's settings where DATABASE_URL is set (a fresh one), else SQLite.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import numpy as np
import psycopg2
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid
from pynetdicom import AE, _config

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
        try:
            port = int(process.stdout.readline().rpartition(b":")[2])  # type: ignore[union-attr]
            send(port, 20)  # the first is slower
            for at_once in (1, 4):
                used = cpu_seconds(process.pid)
                with ProcessPoolExecutor(at_once) as pool:
                    jobs = [pool.submit(send, port, options.objects) for _ in range(at_once)]
                    seconds = max(job.result() for job in jobs)
                count = at_once * options.objects
                each_ms = (cpu_seconds(process.pid) - used) / count * 1000
                rate = count / seconds
                print(f"{at_once:12} {count:8} {seconds:8.1f} {rate:10.0f} {each_ms:12.1f}")
        finally:
            process.terminate()
            process.wait(timeout=60)
        kept = subprocess.run([sys.executable, "-c", COUNT], cwd=ROOT, env=env, capture_output=True)  # noqa: S603
        if int(kept.stdout) != 20 + 5 * options.objects:
            raise SystemExit(f"Not all are kept: {kept}")


def send(port: int, count: int) -> float:
    """Send so many slices of a new series; return how many seconds that took."""
    _config.LOG_HANDLER_LEVEL = "none"
    _config.STORE_SEND_CHUNKED_DATASET = True  # as they are: this is not about their sender
    entity = AE(ae_title=SENDER)
    entity.add_requested_context(MRImageStorage, ExplicitVRLittleEndian)
    with TemporaryDirectory() as folder:
        paths = list(slices(Path(folder), count))
        association = entity.associate("127.0.0.1", port, ae_title="FALX")
        began = time.monotonic()
        for path in paths:
            if association.send_c_store(path).Status != 0x0000:
                raise SystemExit("One was refused.")
        seconds = time.monotonic() - began
        association.release()
    return seconds


def cpu_seconds(pid: int) -> float:
    """Processor time of a process so far: other than seconds, the same on a busy machine."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def slices(folder: Path, count: int) -> Iterator[Path]:
    (one,) = make_series(slices=1, rows=256, columns=256, PatientID=NUMBER)
    one.PixelData = np.random.default_rng(0).integers(0, 4096, (256, 256), np.uint16).tobytes()
    one.StudyInstanceUID, one.SeriesInstanceUID = generate_uid(), generate_uid()
    for number in range(1, count + 1):
        one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        one.InstanceNumber = number
        path = folder / f"{number}.dcm"
        path.write_bytes(as_bytes(one))
        yield path


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
