"""Waking those who wait for changes. One query a second serves everyone who waits in a process."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TypeVar
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, close_old_connections

from patients import feed

logger = logging.getLogger(__name__)
T = TypeVar("T")

# A thread of its own, with one connection to the database: a stream lasts for hours, and must not
# hold the thread that answers everybody else.
_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="live")


async def read(function: Callable[..., T], *args: object) -> T:
    """Call a function that asks the database, without blocking the event loop."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_thread, partial(_with_database, function, *args))


def _with_database(function: Callable[..., T], *args: object) -> T:
    close_old_connections()
    try:
        return function(*args)
    finally:
        close_old_connections()


class Watcher:
    """Looks whether anything changed, and rings the bells of those whom it concerns."""

    def __init__(self) -> None:
        self._bells: dict[UUID, set[asyncio.Event]] = defaultdict(set)
        self._task: asyncio.Task[None] | None = None

    @contextmanager
    def listening(self, about: UUID) -> Iterator[asyncio.Event]:
        """Give a bell that is rung at changes for the user, or of the thing, with this id.

        Look at what there is after taking the bell: it rings for what comes later only.
        """
        bell = asyncio.Event()
        self._bells[about].add(bell)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._watch())
        try:
            yield bell
        finally:
            self._bells[about].discard(bell)
            if not self._bells[about]:
                del self._bells[about]

    async def _watch(self) -> None:
        place: feed.Cursor | None = None
        while self._bells:
            try:
                if place is None:
                    place = await read(feed.now)
                    concerned = set(self._bells)  # whatever came before the first look
                else:
                    place, concerned = await read(feed.concerned_since, place)
            except DatabaseError as unreachable:
                logger.warning("Changes cannot be read now: %s", unreachable)
                concerned = set()
            for about in concerned & self._bells.keys():
                for bell in self._bells[about]:
                    bell.set()
            await asyncio.sleep(settings.LIVE_INTERVAL_S)


watcher = Watcher()
