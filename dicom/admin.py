"""The admin site: other systems, and what came from them."""

from dicom.inbox.admin import ArrivalAdmin

__all__ = ["ArrivalAdmin"]
