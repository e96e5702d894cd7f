"""A system that we know: a scanner, a PACS, a workstation."""

from uuid import uuid4

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models

from dicom.secrets import secret_name

ae_title = RegexValidator(
    r"\A(?! )[ -\[\]-~]{1,16}(?<! )\Z",
    "An AE title is up to 16 printable characters without a backslash, "
    "and neither begins nor ends with a space (PS3.5, section 6.2).",
    code="invalid_ae_title",
)


class Peer(models.Model):
    """A known application entity, a DICOMweb server, or both in one."""

    class Deidentify(models.TextChoices):
        """At the door: what happens to headers before anything is kept."""

        NO = "no", "Keep as sent"
        BASIC = "basic", "Basic profile (PS3.15, annex E)"
        KEEP_DATES = "keep_dates", "Basic profile, dates kept"
        KEEP_UIDS = "keep_uids", "Basic profile, UIDs kept"
        KEEP_BOTH = "keep_both", "Basic profile, dates and UIDs kept"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    name = models.CharField(max_length=100, unique=True)
    active = models.BooleanField(default=True)

    ae_title = models.CharField(
        "AE title", max_length=16, unique=True, null=True, blank=True, validators=[ae_title]
    )
    host = models.CharField(max_length=253, blank=True)
    port = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(65535)]
    )
    tls = models.BooleanField("TLS", default=False)

    dicomweb_url = models.URLField(
        "DICOMweb address",
        blank=True,
        help_text="Root of its services, e.g. https://pacs/dicom-web",
    )
    dicomweb_user = models.CharField("DICOMweb user", max_length=100, blank=True)
    dicomweb_secret = models.CharField(
        "DICOMweb secret",
        max_length=100,
        blank=True,
        validators=[secret_name],
        help_text="Name of the environment variable (PEER_...) that holds the password, or the "
        "bearer token where there is no user.",
    )

    issuer = models.CharField(
        max_length=150,
        blank=True,
        help_text="Who gives the patient numbers that it sends, where its objects do not say so.",
    )
    may_store = models.BooleanField(default=False, help_text="It may send objects to us.")
    deidentify = models.CharField(max_length=10, choices=Deidentify, default=Deidentify.NO)
    wants_results = models.BooleanField(
        default=False, help_text="Results of what it sent go back to it."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name
