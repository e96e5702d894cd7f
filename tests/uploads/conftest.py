from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from patients.models import Patient
from tests.samples import sample
from tests.uploads.client import Uploader

Upload = Callable[..., Uploader]


@pytest.fixture
def upload(as_doctor: APIClient, patient: Patient) -> Upload:
    """Return a function that begins the upload of a real slice, or of something else."""

    def begin(data: bytes | None = None, **headers: str) -> Uploader:
        uploader = Uploader(
            as_doctor, patient, sample("glioma").read_bytes() if data is None else data
        )
        assert uploader.begin(**headers).status_code == 201
        return uploader

    return begin
