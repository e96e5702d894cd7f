"""Our DICOMweb before clients that others wrote: dicomweb-client and a PACS."""

from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
import requests
from dicomweb_client.api import DICOMwebClient
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.uid import RLELossless

from tests.jobs.deployment import EMAIL, PASSWORD, Deployment
from tests.jobs.phone import API, Phone
from tests.peers.orthanc import Orthanc
from tests.series.make import as_bytes, make_series, uid


@pytest.fixture(scope="module")
def phone(deployment: Deployment) -> Phone:
    """Of a doctor who has a file for each of these patients' numbers."""
    phone = deployment.web()
    phone.sign_in(EMAIL, PASSWORD)
    for value in ("CLIENT", "PACS"):
        number = {"issuer": "Hospital", "value": value}
        phone.post(f"{API}/patients", {"family_name": value, "identifiers": [number]})
    return phone


@pytest.fixture
def client(phone: Phone) -> DICOMwebClient:
    session = requests.Session()
    session.headers["X-Session-Token"] = phone.token
    return DICOMwebClient(f"{phone.address}/dicomweb", session=session)


def series_of(number: str, slices: int = 3) -> list[Dataset]:
    return make_series(
        slices=slices, name=number, study=number, PatientID=number, IssuerOfPatientID="Hospital"
    )


def test_a_client_stores_finds_and_retrieves(client: DICOMwebClient) -> None:
    sent = series_of("CLIENT")
    plain = sent[2].pixel_array
    sent[2].compress(RLELossless, generate_instance_uid=False)
    study, series = sent[0].StudyInstanceUID, sent[0].SeriesInstanceUID
    one = sent[1].SOPInstanceUID
    answer = client.store_instances([dcmread(BytesIO(as_bytes(one))) for one in sent])
    assert len(answer.ReferencedSOPSequence) == 3
    assert "FailedSOPSequence" not in answer

    (found,) = client.search_for_studies(
        search_filters={"PatientID": "CLIENT", "StudyDate": "20240101-20241231"},
        fields=["StudyDescription"],
        fuzzymatching=True,
        limit=10,
    )
    assert Dataset.from_json(found).NumberOfStudyRelatedInstances == 3
    (found,) = client.search_for_series(study, search_filters={"Modality": "MR"})
    assert Dataset.from_json(found).SeriesInstanceUID == series
    assert len(client.search_for_instances(study, series)) == 3

    metadata = client.retrieve_series_metadata(study, series)
    first = Dataset.from_json(metadata[0], bulk_data_uri_handler=lambda *_: b"")
    assert first.ImagePositionPatient == sent[0].ImagePositionPatient
    assert "PixelData" in first

    back = client.retrieve_series(study, series)
    assert [as_bytes(d) for d in back[:2]] == [as_bytes(d) for d in sent[:2]]
    assert (back[2].pixel_array == plain).all()
    kept = client.retrieve_instance(
        study, series, sent[2].SOPInstanceUID, media_types=(("application/dicom", "*"),)
    )
    assert kept.file_meta.TransferSyntaxUID == RLELossless
    assert client.retrieve_instance(study, series, one).PixelData == sent[1].PixelData
    (frame,) = client.retrieve_instance_frames(
        study, series, one, [1], media_types=("application/octet-stream",)
    )
    assert frame == sent[1].PixelData
    # The client leaves the port out of its `Host`, and so it is not in our addresses.
    uri = urlsplit(metadata[1]["7FE00010"]["BulkDataURI"])
    bulk = client.retrieve_bulkdata(uri._replace(netloc=urlsplit(client.base_url).netloc).geturl())
    assert bulk == [sent[1].PixelData]
    rendered = client.retrieve_instance_rendered(study, series, one, media_types=("image/png",))
    picture = np.asarray(picture_of(rendered))
    assert np.corrcoef(picture.ravel(), sent[1].pixel_array.ravel())[0, 1] > 0.9


def test_a_pacs_pushes_to_us_and_pulls_from_us(phone: Phone, pacs: Orthanc) -> None:
    sent = series_of("PACS")
    study = uid("study", "PACS")
    headers = {"X-Session-Token": phone.token}
    server = {"Url": f"{phone.address}/dicomweb/", "HttpHeaders": headers}
    pacs.rest("PUT", "/dicom-web/servers/falx", server)
    ids = pacs.store(*sent)
    pacs.rest("POST", "/dicom-web/servers/falx/stow", {"Resources": ids, "Synchronous": True})
    (found,) = phone.get(f"/dicomweb/studies?StudyInstanceUID={study}")
    assert found["00201208"]["Value"] == [3]

    pacs.clear()
    resources: Any = {"Resources": [{"Study": study}], "Synchronous": True}
    pacs.rest("POST", "/dicom-web/servers/falx/retrieve", resources)
    instances = pacs.rest("GET", "/instances")
    assert len(instances) == 3
    back = {pacs.file(one) for one in instances}
    assert len(back) == 3
    tags = [pacs.rest("GET", f"/instances/{one}/simplified-tags") for one in instances]
    assert {tag["SOPInstanceUID"] for tag in tags} == {one.SOPInstanceUID for one in sent}


def picture_of(data: bytes) -> Image.Image:
    return Image.open(BytesIO(data)).convert("L")
