"""What was sent: studies, series and instances as DICOM orders them, and single slices."""

from scans.models.instance import Instance, instance_path
from scans.models.scan import Scan, original_path, preview_path, scan_folder
from scans.models.study import Series, Study, new_uid
from scans.opinions.models import Opinion

__all__ = [
    "Instance",
    "Opinion",
    "Scan",
    "Series",
    "Study",
    "instance_path",
    "new_uid",
    "original_path",
    "preview_path",
    "scan_folder",
]
