"""Our application entity: its title, its limits, what it stores, its certificates."""

import ssl

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)
from pynetdicom import AE
from pynetdicom.presentation import AllStoragePresentationContexts

MAX_PDU = 128 * 1024
UNCOMPRESSED = [ExplicitVRLittleEndian, ImplicitVRLittleEndian]
COMPRESSED = [
    JPEGLosslessSV1,
    JPEGLossless,
    JPEGLSLossless,
    JPEG2000Lossless,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    RLELossless,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLSNearLossless,
    JPEG2000,
    HTJ2K,
]


def new_entity() -> AE:
    """An application entity with our title and timeouts, which knows no service yet."""
    entity = AE(ae_title=settings.DICOM_AE_TITLE)
    entity.maximum_pdu_size = MAX_PDU
    entity.acse_timeout = settings.DICOM_ACSE_TIMEOUT_S
    entity.connection_timeout = settings.DICOM_ACSE_TIMEOUT_S
    entity.dimse_timeout = settings.DICOM_DIMSE_TIMEOUT_S
    entity.network_timeout = settings.DICOM_NETWORK_TIMEOUT_S
    return entity


STORAGE_CLASSES = [UID(str(context.abstract_syntax)) for context in AllStoragePresentationContexts]


def server_tls() -> ssl.SSLContext | None:
    """What the listener speaks TLS with; None: it does not."""
    return _tls(ssl.PROTOCOL_TLS_SERVER)


def client_tls() -> ssl.SSLContext:
    """What we call peers with that speak TLS.

    Raises:
        ImproperlyConfigured: there is no certificate.
    """
    context = _tls(ssl.PROTOCOL_TLS_CLIENT)
    if context is None:
        raise ImproperlyConfigured("A peer with TLS needs DICOM_TLS_CERT, _KEY and _CA.")
    return context


def _tls(protocol: int) -> ssl.SSLContext | None:
    """Both ends show a certificate that DICOM_TLS_CA signed (PS3.15, B.9 and B.12)."""
    if not settings.DICOM_TLS_CERT:
        return None
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(settings.DICOM_TLS_CERT, settings.DICOM_TLS_KEY or None)
    if not settings.DICOM_TLS_CA:
        raise ImproperlyConfigured("DICOM_TLS_CERT needs DICOM_TLS_CA: who signs the others'.")
    context.load_verify_locations(settings.DICOM_TLS_CA)
    context.verify_mode = ssl.CERT_REQUIRED
    return context
