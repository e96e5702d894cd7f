"""What the house hears of series."""

from django.dispatch import Signal

# A series is as whole as it gets (`series=`, a Series), or a doctor chose otherwise whether to read
# it. Sent with sender=Series inside the transaction that says so: what a receiver writes is there
# with it, or not at all.
series_settled = Signal()
