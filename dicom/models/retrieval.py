"""A study that is fetched from another system, into the file that somebody chose."""

from django.conf import settings
from django.db import models

from dicom.models.job import Job
from dicom.models.peer import Peer
from patients.models import Patient


class Retrieval(Job):
    """One study of one peer, for one patient's file; its numbers move while it runs."""

    patient = models.ForeignKey(Patient, on_delete=models.CASCADE, related_name="retrievals")
    peer = models.ForeignKey(Peer, on_delete=models.CASCADE, related_name="retrievals")
    study_uid = models.CharField("study instance UID", max_length=64)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    confirm_other_number = models.BooleanField(
        default=False, help_text="A doctor's word that it is this patient's, whatever its number."
    )
    expected = models.PositiveIntegerField(null=True, help_text="Objects, as the peer has it.")
    completed = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    error_code = models.CharField(max_length=40, blank=True)

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = [
            models.Index(
                fields=["due_at"],
                name="retrieval_due",
                condition=models.Q(status__in=["waiting", "running"]),
            )
        ]

    def __str__(self) -> str:
        return f"{self.study_uid} from {self.peer}"

    @property
    def partial(self) -> bool:
        """Whether it is over and something is missing."""
        short = self.expected is not None and self.completed < self.expected
        return self.status == self.Status.DONE and (self.failed > 0 or short)
