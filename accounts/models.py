"""Who uses Falx, in which role, and how they come to have an account."""

from typing import Any, ClassVar
from uuid import uuid4

from allauth.account.models import EmailAddress
from django.contrib.auth.models import AbstractUser, BaseUserManager
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models, transaction
from django.utils import timezone

from accounts.validators import printable

country_code = RegexValidator(
    r"\A[A-Z]{2}\Z", "A country is two capital letters (ISO 3166-1).", code="invalid_country"
)


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create a user who signs in with `email`; without a password they must reset it first.

        Whoever calls this vouches for the address: no code is asked for.
        """
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.full_clean(exclude=["password"])
        with transaction.atomic():
            user.save()
            user.vouch_for_address()
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, **{**fields, "role": User.Role.ADMIN})

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)


class Licence(models.Model):
    """What a doctor may practise under."""

    licence_number = models.CharField(max_length=64, blank=True, validators=[printable])
    licence_body = models.CharField(
        "issuing body", max_length=150, blank=True, validators=[printable]
    )
    licence_country = models.CharField(
        "country", max_length=2, blank=True, validators=[country_code], help_text="ISO 3166-1."
    )

    class Meta:
        abstract = True


class User(Licence, AbstractUser):
    """A person with one role, or a hospital's system. Django's admin flags follow the role."""

    class Role(models.TextChoices):
        DOCTOR = "doctor", "Doctor"
        STUDENT = "student", "Student"
        ADMIN = "admin", "Admin"
        SYSTEM = "system", "System"

    class Language(models.TextChoices):
        ENGLISH = "en", "English"
        ARABIC = "ar", "Arabic"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    username = None  # type: ignore[assignment]
    email = models.EmailField(
        "email address",
        unique=True,
        error_messages={"unique": "There is already an account with this address."},
    )
    first_name = models.CharField(max_length=150, blank=True, validators=[printable])
    last_name = models.CharField(max_length=150, blank=True, validators=[printable])
    role = models.CharField(max_length=10, choices=Role, default=Role.STUDENT)
    specialty = models.CharField(max_length=100, blank=True, validators=[printable])
    language = models.CharField(max_length=2, choices=Language, default=Language.ENGLISH)
    licence_approved_at = models.DateTimeField(
        null=True, editable=False, help_text="From then on only an admin changes the licence."
    )

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects = UserManager()  # type: ignore[assignment,misc]

    class Meta:
        ordering = ("email",)

    def __str__(self) -> str:
        return self.get_full_name() or self.email

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.is_staff = self.is_superuser = self.role == self.Role.ADMIN
        if self.is_system:  # it comes with a token of `accounts.systems` or not at all
            self.set_unusable_password()
        super().save(*args, **kwargs)

    def clean(self) -> None:
        super().clean()
        self.email = self.email.lower()
        if self.is_system != hasattr(self, "system_account"):
            message = "Systems have accounts of their own kind: see Hospital systems."
            raise ValidationError({"role": ValidationError(message, code="system_role")})

    def vouch_for_address(self) -> None:
        """Let the address be the one that counts, and be taken for proven."""
        EmailAddress.objects.filter(user=self).exclude(email=self.email).delete()
        EmailAddress.objects.update_or_create(
            user=self, email=self.email, defaults={"verified": True, "primary": True}
        )

    @property
    def is_doctor(self) -> bool:
        return self.role == self.Role.DOCTOR

    @property
    def is_admin(self) -> bool:
        return self.role == self.Role.ADMIN

    @property
    def is_system(self) -> bool:
        return self.role == self.Role.SYSTEM


# Roles of people: whom one can invite.
PEOPLE = [choice for choice in User.Role.choices if choice[0] != User.Role.SYSTEM]


class Invitation(models.Model):
    """An admin's word that whoever reads mail at `email` may make themselves an account.

    The key is in the mail alone; what is kept of it only tells whether a key is the one.
    """

    class Status(models.TextChoices):
        OPEN = "open", "Open"
        ACCEPTED = "accepted", "Accepted"
        REVOKED = "revoked", "Revoked"
        EXPIRED = "expired", "Expired"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    email = models.EmailField("email address")
    role = models.CharField(max_length=10, choices=PEOPLE, default=User.Role.DOCTOR)
    key_digest = models.CharField(max_length=64, unique=True, editable=False)
    invited_by = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)
    accepted_at = models.DateTimeField(null=True, editable=False)
    user = models.OneToOneField(
        User, null=True, on_delete=models.SET_NULL, related_name="invitation", editable=False
    )

    class Meta:
        ordering = ("-created_at", "-id")

    def __str__(self) -> str:
        return f"{self.email} as {self.get_role_display().lower()}"

    @property
    def status(self) -> Status:
        if self.accepted_at:
            return self.Status.ACCEPTED
        if self.revoked_at:
            return self.Status.REVOKED
        return self.Status.EXPIRED if self.expires_at <= timezone.now() else self.Status.OPEN


class DoctorApplication(Licence):
    """Somebody asks to be let in as a doctor. No account comes of it before an admin says yes."""

    class Status(models.TextChoices):
        UNVERIFIED = "unverified", "Address not verified"
        WAITING = "waiting", "Waiting for a decision"
        APPROVED = "approved", "Approved"
        REFUSED = "refused", "Refused"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    email = models.EmailField("email address")
    first_name = models.CharField(max_length=150, validators=[printable])
    last_name = models.CharField(max_length=150, validators=[printable])
    status = models.CharField(max_length=10, choices=Status, default=Status.UNVERIFIED)
    code = models.CharField(max_length=128, editable=False, help_text="Hashed like a password.")
    code_tries = models.PositiveSmallIntegerField(default=0, editable=False)
    code_expires_at = models.DateTimeField(editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    decided_at = models.DateTimeField(null=True, editable=False)
    decided_by = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    refusal_reason = models.CharField(max_length=500, blank=True)
    invitation = models.OneToOneField(
        Invitation, null=True, on_delete=models.SET_NULL, related_name="application", editable=False
    )

    class Meta:
        ordering = ("-created_at", "-id")
        constraints = [
            models.UniqueConstraint(
                fields=["email"], condition=models.Q(status="waiting"), name="one_waiting_each"
            )
        ]

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name} <{self.email}>"
