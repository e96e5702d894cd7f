"""How long each step takes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Clock:
    """Times named steps; a step entered twice adds up."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._steps: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self._steps[name] = self._steps.get(name, 0.0) + time.perf_counter() - started

    def add(self, other: "Clock") -> None:
        """Add another clock's steps: of slices read side by side they exceed the total."""
        for name, seconds in other._steps.items():
            self._steps[name] = self._steps.get(name, 0.0) + seconds

    def elapsed_ms(self) -> dict[str, float]:
        total = time.perf_counter() - self._started
        return {name: round(s * 1000, 3) for name, s in (self._steps | {"total": total}).items()}
