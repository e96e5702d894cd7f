"""An object that came and cannot be filed yet: somebody must say whose it is."""

from functools import partial
from uuid import uuid4

from django.conf import settings
from django.db import models, transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver

from dicom.models.peer import Peer


def arrival_path(arrival: "Arrival", filename: str) -> str:
    return f"inbox/{arrival.id}.dcm"


class Arrival(models.Model):
    """One object of the inbox, kept byte for byte until it is filed or discarded."""

    class Reason(models.TextChoices):
        NO_NUMBER = "no_number", "It names no patient number"
        UNKNOWN_NUMBER = "unknown_number", "Nobody here has this number"
        OTHER_PERSON = (
            "other_person",
            "The number's owner was born on another day, or is of the other sex",
        )
        TWO_PEOPLE = "two_people", "Its numbers belong to different patients"
        OTHER_CONTENT = "other_content", "Another object has this UID"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    reason = models.CharField(max_length=20, choices=Reason)
    peer = models.ForeignKey(Peer, null=True, on_delete=models.SET_NULL, related_name="arrivals")
    received_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    source = models.CharField(max_length=100, blank=True, help_text="Who sent it.")
    # The same for all objects of a study that one sender sent of one person.
    group = models.UUIDField(editable=False)

    study_uid = models.CharField(max_length=64)
    series_uid = models.CharField(max_length=64)
    instance_uid = models.CharField(max_length=64)
    sop_class_uid = models.CharField(max_length=64)
    modality = models.CharField(max_length=16, blank=True)
    study_description = models.CharField(max_length=64, blank=True)
    studied_at = models.DateTimeField(null=True)
    instance_number = models.IntegerField(null=True)

    # As the header has them; the issuer is the sender's where the header names none.
    patient_number = models.CharField(max_length=64, blank=True)
    issuer = models.CharField(max_length=150, blank=True)
    patient_name = models.CharField(max_length=324, blank=True)
    birth_date = models.DateField(null=True)
    sex = models.CharField(max_length=10, blank=True)

    file = models.FileField(max_length=255, upload_to=arrival_path)
    size_bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("created_at", "id")
        constraints = [
            models.UniqueConstraint(
                fields=["instance_uid", "sha256", "issuer", "patient_number"], name="arrival_once"
            )
        ]
        indexes = [
            models.Index(fields=["study_uid"], name="arrival_study"),
            models.Index(fields=["group"], name="arrival_group"),
        ]

    def __str__(self) -> str:
        return self.instance_uid


class ArrivalNumber(models.Model):
    """A number that an arrival calls its patient by, as `PatientIdentifier.key` has it."""

    arrival = models.ForeignKey(Arrival, on_delete=models.CASCADE, related_name="numbers")
    key = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key", "arrival"], name="arrival_number_once")
        ]

    def __str__(self) -> str:
        return self.key


@receiver(post_delete, sender=Arrival)
def remove_file(sender: type[Arrival], instance: Arrival, **_: object) -> None:
    """Files go when the row is really gone, not when a transaction that may fail says so."""
    if instance.file:
        stored = instance.file
        transaction.on_commit(partial(stored.storage.delete, str(stored.name)))
