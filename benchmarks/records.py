"""How long a hospital's records take to answer: `python -m benchmarks.records` (PostgreSQL).

Fills two databases, one with a hundredth of the other (`benchmarks.population`; kept for the next
run), asks each the same questions through the API as a doctor with their share of the patients, and
prints the median and the 95th percentile in milliseconds, the number of queries, and how much
slower the large one is. The questions go through the whole server but for the network.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import psycopg2

SIZES = (1_000, 100_000)
ROUNDS = 200
Question = Callable[[Any], Any]


def main() -> None:
    """Measure both sizes and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=SIZES[1], help="of the large database")
    parser.add_argument("--ask", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.ask:
        print(json.dumps(dict(measure())))
        return
    if "DATABASE_URL" not in os.environ:
        parser.error("This needs PostgreSQL: make bench, or scripts/services run …")
    sizes = (max(1_000, options.patients // 100), options.patients)
    with TemporaryDirectory() as folder:
        small, large = [run(size, folder, "benchmarks.records", "--ask") for size in sizes]
    first, second = [f"{size:,} patients" for size in sizes]
    print(f"{'':34} {first:>22} {second:>22}")
    print(f"{'':34} {'median':>9} {'p95':>6} {'sql':>5} {'median':>9} {'p95':>6} {'sql':>5} slower")
    for name, (median, p95, queries) in json.loads(small).items():
        median_2, p95_2, queries_2 = json.loads(large)[name]
        print(
            f"{name:34} {median:9.1f} {p95:6.1f} {queries:5} "
            f"{median_2:9.1f} {p95_2:6.1f} {queries_2:5} {median_2 / median:5.2f} x"
        )


def run(patients: int, folder: str, module: str, *arguments: str) -> str:
    """Run a module on the database of a size, filling that first if it is not there."""
    server, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    name = f"falx_bench_{patients}"
    env = os.environ | {
        "DATABASE_URL": f"{server}/{name}",
        "DJANGO_SETTINGS_MODULE": "backend.settings",
        "LOG_LEVEL": "ERROR",
        "ALLOWED_HOSTS": "testserver",
        "FALX_VAR": folder,
        "MEDIA_ROOT": folder,
        "REDIS_URL": "",
        "RATE_PER_USER": "",
        "RATE_PER_ADDRESS": "",
    }
    connection = psycopg2.connect(os.environ["DATABASE_URL"])
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
        if cursor.fetchone() is None:
            cursor.execute(f'DROP DATABASE IF EXISTS "{name}.part" WITH (FORCE)')
            cursor.execute(f'CREATE DATABASE "{name}.part"')
            filling = env | {"DATABASE_URL": f"{server}/{name}.part"}
            command = [sys.executable, "-m", "benchmarks.population", "--patients", str(patients)]
            subprocess.run(command, env=filling, check=True, stdout=sys.stderr)  # noqa: S603
            cursor.execute(f'ALTER DATABASE "{name}.part" RENAME TO "{name}"')
    connection.close()
    command = [sys.executable, "-m", module, *arguments]
    asked = subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603
    return asked.stdout


def measure() -> Iterator[tuple[str, tuple[float, float, int]]]:
    """Ask every question many times: name, median and p95 in ms, queries at most."""
    import django

    django.setup()
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    for name, ask in questions():
        ask(0)  # the first time loads code
        elapsed, queries = [], 0
        for turn in range(ROUNDS):
            with CaptureQueriesContext(connection) as captured:
                start = time.perf_counter()
                answer = ask(turn)
                elapsed.append((time.perf_counter() - start) * 1_000)
            queries = max(queries, len(captured))
            if answer.status_code != 200:
                raise RuntimeError(f"{name}: {answer.status_code} {answer.content[:500]!r}")
        yield name, (float(np.median(elapsed)), float(np.percentile(elapsed, 95)), queries)


def questions() -> Iterator[tuple[str, Question]]:
    """What doctors and admins ask. Each asks for another patient every time."""
    from django.db.models import Count
    from rest_framework.test import APIClient

    from accounts.models import User
    from benchmarks.population import FAMILY, GIVEN
    from patients.models import HistoryEntry, Patient

    chance = random.Random(2026)  # noqa: S311 - for choosing examples
    doctor = User.objects.get(email="doctor0@falx.example")
    client, admin = APIClient(), APIClient()
    client.force_authenticate(doctor)
    admin.force_authenticate(User.objects.get(email="admin@falx.example"))
    own = list(Patient.objects.filter(members__user=doctor).values_list("pk", flat=True))
    chance.shuffle(own)
    longest = HistoryEntry.objects.values("patient").annotate(n=Count("pk")).order_by("-n")[0]

    def of(n: int) -> str:
        return f"/api/v1/patients/{own[n % len(own)]}"

    def words(n: int) -> str:
        return f"{FAMILY[n % len(FAMILY)][:4]} {GIVEN[n % len(GIVEN)][:3]}"

    yield "my patients", lambda n: client.get("/api/v1/patients")
    yield "search my patients", lambda n: client.get("/api/v1/patients", {"search": words(n)})
    yield (
        "search all patients (admin)",
        lambda n: admin.get(
            "/api/v1/patients", {"search": f"h{n * 37 % len(own)} {GIVEN[n % len(GIVEN)]}"}
        ),
    )
    yield "a patient's file", lambda n: client.get(of(n))
    yield "timeline, first page", lambda n: client.get(f"{of(n)}/history")
    yield "a patient's scans", lambda n: client.get(f"{of(n)}/scans")
    timeline = f"/api/v1/patients/{longest['patient']}/history"
    yield "long timeline, first page", lambda n: admin.get(timeline)
    hundredth = timeline
    for _ in range(99):
        hundredth = admin.get(hundredth).json()["next"]
    yield "long timeline, hundredth page", lambda n: admin.get(hundredth)
    start = "/api/v1/changes"
    cursor = client.get(start).json()["next"]
    yield "changes, none", lambda n: client.get(start, {"since": cursor})
    from patients import feed

    beginning = str(feed.Cursor(0, 0, feed.moment()))
    yield "changes, 200 of them", lambda n: client.get(start, {"since": beginning})


if __name__ == "__main__":
    main()
