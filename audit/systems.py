"""What is done to the accounts of hospital systems: they open patients' files."""

from typing import Any

from django.dispatch import receiver

from accounts.models import User
from accounts.systems.models import SystemAccount
from accounts.systems.signals import system_changed
from audit.services import record


@receiver(system_changed)
def note_change(system: SystemAccount, action: str, by: User | None, **_: Any) -> None:
    """Write it down in the transaction that does it."""
    details = {
        "name": system.name,
        "issuers": system.issuers,
        "scopes": system.scopes,
        "active": system.active,
    }
    record(user=by, action=f"system.{action}", subject=("system", system.pk), details=details)
