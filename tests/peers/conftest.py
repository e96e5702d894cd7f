"""Tests against software that others wrote: slow, and only where it is installed."""

from pathlib import Path

import pytest

from tests.peers.orthanc import pacs

__all__ = ["pacs"]

HERE = Path(__file__).resolve().parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.peers)
