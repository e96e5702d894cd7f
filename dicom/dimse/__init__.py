"""DICOM's own network protocol (PS3.7, PS3.8): receiving, finding, fetching, sending."""

from pynetdicom import _config

# Its log repeats headers of patients with every message; what happens is logged here.
_config.LOG_HANDLER_LEVEL = "none"
# What comes is written to a temporary file as it comes, never held in memory half-way.
_config.STORE_RECV_CHUNKED_DATASET = True
