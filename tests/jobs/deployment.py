"""A whole Falx in processes of its own, driven from outside as a phone does.

Web and workers are started by the Procfile's own commands. Without `DATABASE_URL` and `REDIS_URL`
it is the embedded form; with them it has a database of its own on that PostgreSQL and a number of
its own on that Redis.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg2
import redis
from celery import Celery
from honcho.environ import parse_procfile

from inference.services import RUN_TASK
from tests.jobs.phone import Phone, answers

ROOT = Path(__file__).resolve().parent.parent.parent
PROCFILE = parse_procfile((ROOT / "Procfile").read_text()).processes
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
REDIS_NUMBER = 8 + WORKER
NOBODY_LISTENS = "redis://127.0.0.1:1/0"
EMAIL, PASSWORD = "doctor@falx.example", uuid4().hex

# Short, so that nobody waits for what production waits for.
KNOBS = {
    "ANALYSIS_RESEND_S": "1",
    "ANALYSIS_RETRY_BACKOFF_S": "1",
    "SWEEP_INTERVAL_S": "1",
}
PREPARE = f"""
import django; django.setup()
from django.core.management import call_command
from accounts.models import User
call_command("migrate", verbosity=0)
User.objects.create_user({EMAIL!r}, {PASSWORD!r}, role=User.Role.DOCTOR)
"""

T = TypeVar("T")


def until(condition: Callable[[], T | None], seconds: float = 90) -> T:
    """Return the condition's first true value.

    Raises:
        TimeoutError: when it is not true in time.
    """
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"Not within {seconds} s")
        time.sleep(0.1)
    return value


class Deployment:
    """One installation.

    Args:
        folder: For everything that it keeps.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []
        self.postgres = os.environ.get("DATABASE_URL")
        self.database = f"falx_jobs_{uuid4().hex}"
        self.env = dict(os.environ) | KNOBS
        self.env |= {
            "DJANGO_SETTINGS_MODULE": "backend.settings",
            "FALX_VAR": str(folder / "var"),
            "MEDIA_ROOT": str(folder / "media"),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }
        broker, options = "files://localhost", {"folder": str(self.broker_folder)}
        if self.postgres:
            self.env["DATABASE_URL"] = with_path(self.postgres, self.database)
            broker, options = with_path(os.environ["REDIS_URL"], str(REDIS_NUMBER)), {}
            self.env["REDIS_URL"] = broker
        self.celery = Celery(broker=broker, set_as_current=False)
        self.celery.conf.broker_transport_options = options

    @property
    def broker_folder(self) -> Path:
        return self.folder / "var" / "broker"

    # --- Life ---------------------------------------------------------------------------

    def prepare(self) -> None:
        """Make the database, with one doctor in it."""
        if self.postgres:
            self._maintain(f'CREATE DATABASE "{self.database}"')
        self.empty_broker()
        subprocess.run([sys.executable, "-c", PREPARE], cwd=ROOT, env=self.env, check=True)

    def remove(self) -> None:
        self.kill_all()
        if self.postgres:
            self._maintain(f'DROP DATABASE "{self.database}" WITH (FORCE)')

    def _maintain(self, statement: str) -> None:
        connection = psycopg2.connect(self.postgres)
        connection.autocommit = True  # databases are not made in transactions
        with connection.cursor() as cursor:
            cursor.execute(statement)
        connection.close()

    def web(self, **env: str) -> Phone:
        """Start a web server; return a phone that is signed in to it."""
        port = free_port()
        quiet = f"{PROCFILE['web']} --no-access-log"
        self.start(quiet, PORT=str(port), HOST="127.0.0.1", **env)
        address = f"http://127.0.0.1:{port}"
        until(lambda: answers(f"{address}/health/live"))
        return Phone(address)

    def worker(self, *, sweeps: bool = True, **env: str) -> subprocess.Popen[bytes]:
        command = PROCFILE["worker"]
        if not sweeps:
            command = command.replace(" --beat", "")
        return self.start(command, **env)

    def start(self, command: str, **env: str) -> subprocess.Popen[bytes]:
        """Start a process in a group of its own, as honcho does; its output goes to `log`."""
        with self.log.open("ab") as log:
            process = subprocess.Popen(  # noqa: S602 - the Procfile is written for a shell
                command,
                shell=True,
                cwd=ROOT,
                env=self.env | env,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    @property
    def log(self) -> Path:
        return self.folder / "log.txt"

    def kill_all(self) -> None:
        for process in self.processes:
            kill(process)
        self.processes.clear()

    # --- The broker ---------------------------------------------------------------------

    def send(self, analysis: dict[str, Any]) -> None:
        """Put one more message about the analysis into the broker."""
        self.celery.send_task(RUN_TASK, args=[analysis["id"]])

    def waiting(self) -> int:
        """Messages that no worker has taken."""
        with self.celery.connection_for_read() as connection:
            return connection.default_channel.queue_declare("celery").message_count  # type: ignore[attr-defined]

    def empty_broker(self) -> None:
        """Take everything from the broker that it has, and what it knows of itself."""
        if self.postgres:
            redis.from_url(self.env["REDIS_URL"]).flushdb()
        else:
            shutil.rmtree(self.broker_folder, ignore_errors=True)

    @contextmanager
    def broker_down(self, phone: Phone) -> Iterator[Phone]:
        """Yield a phone whose web server cannot reach the broker."""
        if self.postgres:
            address = self.web(REDIS_URL=NOBODY_LISTENS).address
            yield Phone(address, phone.token)
            return
        self.empty_broker()
        self.broker_folder.write_text("no folder")
        yield phone
        self.broker_folder.unlink()

    # --- Files --------------------------------------------------------------------------

    def original(self, scan: dict[str, Any]) -> Path:
        return next((self.folder / "media").glob(f"patients/*/scans/{scan['id']}/original.*"))

    @contextmanager
    def held(self, scan: dict[str, Any]) -> Iterator[None]:
        """Make whoever reads the scan's original wait: a pipe that nobody writes to."""
        original = self.original(scan)
        kept = original.with_suffix(".kept")
        original.rename(kept)
        os.mkfifo(original)
        yield
        kept.replace(original)


def kill(process: subprocess.Popen[bytes]) -> None:
    """`kill -9` the whole group: the process and its children get no chance to tidy up."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def stop(process: subprocess.Popen[bytes]) -> int:
    """Ask the process to end in good order; return its exit status."""
    process.terminate()
    return process.wait(timeout=60)


def child_of(process: subprocess.Popen[bytes]) -> int:
    """The id of the one child, which does the work in a worker without beat."""
    (child,) = children_of(process)
    return child


def children_of(process: subprocess.Popen[bytes]) -> set[int]:
    return set(
        map(int, Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split())
    )


def with_path(url: str, path: str) -> str:
    return urlsplit(url)._replace(path=f"/{path}").geturl()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
