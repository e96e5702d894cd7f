"""What the house hears of systems' accounts."""

from django.dispatch import Signal

# Somebody changed one (`system=`, `action=` such as `create`, `by=`, a User). Sent inside the
# transaction that does it.
system_changed = Signal()
