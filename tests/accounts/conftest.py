from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _no_hurry(settings: Any) -> None:
    """A code computed at the end of its half minute still counts when it arrives."""
    settings.MFA_TOTP_TOLERANCE = 1
