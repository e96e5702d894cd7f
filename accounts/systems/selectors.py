"""What is known of the system that an account belongs to."""

from accounts.models import User
from accounts.systems.models import SystemAccount


def system_of(user: User) -> SystemAccount | None:
    """Return the system whose account this is, if it is one's that may act."""
    system = getattr(user, "system_account", None) if user.is_system else None
    return system if system is not None and system.active and user.is_active else None


def issuers_of(user: User) -> list[str]:
    """Whose numbers the patients have whom this system may see; none for people."""
    system = system_of(user)
    return list(system.issuers) if system else []
