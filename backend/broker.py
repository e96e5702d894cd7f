"""The embedded form's broker: messages are files, no server is needed."""

import time
from pathlib import Path
from typing import Any
from uuid import uuid4

from kombu.transport import filesystem
from kombu.utils.json import dumps


class Channel(filesystem.Channel):
    def _put(self, queue: str, payload: Any, **kwargs: Any) -> None:
        """Put a message where a reader sees it whole or not at all.

        kombu opens the file under its final name and then writes: a reader that polls in between
        takes an empty message and its worker dies of it. The name sorts by time of day, not by
        time since boot, so that order survives a restart.
        """
        folder = Path(self.data_folder_out)
        name = f"{time.time_ns() // 1_000_000}_{uuid4()}.{queue}.msg"
        unfinished = folder / f"{name}.part"
        unfinished.write_text(dumps(payload))
        unfinished.replace(folder / name)


class Transport(filesystem.Transport):
    Channel = Channel
