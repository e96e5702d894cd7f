from django.conf import settings
from django.db import models
from django.http import HttpResponse


class StoredAnswer(models.Model):
    """What a user's request with an `Idempotency-Key` was answered.

    A row and the write that it answers are committed by one transaction. `status` is null only
    within that transaction, while the request is carried out; nobody else ever sees such a row.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of what was asked.")
    status = models.PositiveSmallIntegerField(null=True)
    headers = models.JSONField(default=dict)
    body = models.BinaryField(null=True, help_text="Null: too large to be kept.")
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "key"], name="idempotency_key_once_per_user")
        ]

    def __str__(self) -> str:
        return f"{self.status} for {self.key}"

    def as_response(self) -> HttpResponse:
        response = HttpResponse(
            bytes(self.body or b""), status=self.status, headers=dict(self.headers)
        )
        if "Content-Type" not in self.headers:
            del response["Content-Type"]
        response["Idempotent-Replayed"] = "true"
        return response
