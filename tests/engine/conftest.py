"""The released engine, loaded once for all tests that read slices."""

import pytest

from inference.engine.engine import Engine


@pytest.fixture(scope="session")
def engine() -> Engine:
    return Engine.load()
