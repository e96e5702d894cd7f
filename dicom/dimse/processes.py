"""Several processes that serve one socket: Python's lock lets one of them use one core only."""

import os
import signal
import sys
import time
from collections.abc import Callable
from threading import Thread

SIGNALS = (signal.SIGTERM, signal.SIGINT)
SHORT_LIFE_S = 1.0


def run(count: int, serve: Callable[[], None], stop: Callable[[], None]) -> None:
    """Run `serve` in so many processes until SIGTERM or SIGINT; one that dies is replaced.

    Args:
        serve: Returns once `stop` was called, in the same process and another thread.
    """
    alive: dict[int, float] = {}
    ending = False

    def end(*_: object) -> None:
        nonlocal ending
        ending = True
        for pid in alive:
            os.kill(pid, signal.SIGTERM)

    for number in SIGNALS:
        signal.signal(number, end)
    ours, theirs = os.pipe()  # its end, however that comes, is theirs
    while alive or not ending:
        while len(alive) < count and not ending:
            # No signal between a birth and its entry, which would leave that one out.
            signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
            pid = os.fork()
            if pid == 0:
                os.close(theirs)
                os._exit(child(ours, serve, stop))
            alive[pid] = time.monotonic()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        pid, _ = os.wait()
        if time.monotonic() - alive.pop(pid) < SHORT_LIFE_S and not ending:
            time.sleep(SHORT_LIFE_S)


def child(parent: int, serve: Callable[[], None], stop: Callable[[], None]) -> int:
    """Serve until told to end, or until the parent is gone; return the exit status."""

    def end(*_: object) -> None:
        Thread(target=stop).start()

    def follow() -> None:
        os.read(parent, 1)  # nothing is ever written: this returns when the other end closes
        stop()

    serving = Thread(target=serve)
    serving.start()
    Thread(target=follow, daemon=True).start()
    for number in SIGNALS:
        signal.signal(number, end)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    serving.join()
    sys.stdout.flush()
    sys.stderr.flush()
    return 0
