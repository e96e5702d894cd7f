"""The embedded form's broker: messages are files in one folder, no server is needed.

kombu's own file transport keeps its routes in files beside the messages, shows a message before
it is written, and moves it through the machine's temporary folder. A process killed between two
of those steps, or a folder emptied by hand, leaves it broken until a restart. Here a message is
there whole or not at all, one taker gets it, and routes live in each process.
"""

import time
from contextlib import suppress
from pathlib import Path
from queue import Empty
from tempfile import TemporaryFile
from typing import Any
from uuid import uuid4

from kombu.transport import virtual
from kombu.utils.json import dumps, loads


class Channel(virtual.Channel):
    @property
    def folder(self) -> Path:
        return folder_of(self.connection.client)

    def _put(self, queue: str, message: Any, **kwargs: Any) -> None:
        """Write a message and then give it its name, which sorts by the time of sending."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{time.time_ns():020}_{uuid4()}.{queue}.msg"
        unfinished = path.with_suffix(".part")
        unfinished.write_text(dumps(message))
        unfinished.replace(path)

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        """Take the oldest message; of several takers, the one who removes the file has it."""
        for path in self._messages(queue):
            try:
                message = path.read_text()
                path.unlink()
            except FileNotFoundError:
                continue
            return loads(message)
        raise Empty

    def _size(self, queue: str) -> int:
        return len(self._messages(queue))

    def _purge(self, queue: str) -> int:
        waiting = self._messages(queue)
        for path in waiting:
            path.unlink(missing_ok=True)
        return len(waiting)

    def _messages(self, queue: str) -> list[Path]:
        return sorted(self.folder.glob(f"*.{queue}.msg"))


class Transport(virtual.Transport):
    Channel = Channel
    # With an event loop a worker runs as it does on Redis; without one it takes long to stop.
    implements = virtual.Transport.implements.extend(asynchronous=True)
    # One for all connections of this process: a queue declared on one is known to the others.
    global_state = virtual.BrokerState()
    driver_type = driver_name = "files"

    def __init__(self, client: Any, **kwargs: Any) -> None:
        super().__init__(client, **kwargs)
        self.state = self.global_state

    def driver_version(self) -> str:
        return "1"

    def establish_connection(self) -> Any:
        """Fail as a server that is down would when messages cannot be written.

        Raises:
            OSError: the folder cannot be made or written.
        """
        folder = folder_of(self.client)
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            return super().establish_connection()

    def register_with_event_loop(self, connection: Any, loop: Any) -> None:
        loop.call_repeatedly(self.polling_interval, self._take_waiting, loop)

    def _take_waiting(self, loop: Any) -> None:
        """Hand over one message after the other, as far as the worker wants more.

        A message that expired is acknowledged in the loop's next round: looking again right
        after that, not at the next poll, keeps a pile of expired ones from holding up the rest.
        """
        taken = False
        with suppress(Empty):
            while True:
                self.cycle.get(self._deliver)  # type: ignore[union-attr]
                taken = True
        if taken:
            loop.call_later(0.001, self._take_waiting, loop)


def folder_of(client: Any) -> Path:
    return Path(client.transport_options["folder"])
