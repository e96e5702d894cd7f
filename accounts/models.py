"""Who uses Falx, and in which role."""

from typing import Any, ClassVar
from uuid import uuid4

from django.contrib.auth.models import AbstractUser, BaseUserManager
from django.db import models


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create a user who signs in with `email`; without a password they must reset it first."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.full_clean(exclude=["password"])
        user.save()
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, **{**fields, "role": User.Role.ADMIN})

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)


class User(AbstractUser):
    """A person with one role. The role is the truth; Django's admin flags follow it."""

    class Role(models.TextChoices):
        DOCTOR = "doctor", "Doctor"
        STUDENT = "student", "Student"
        ADMIN = "admin", "Admin"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    username = None  # type: ignore[assignment]
    email = models.EmailField(
        "email address",
        unique=True,
        error_messages={"unique": "There is already an account with this address."},
    )
    role = models.CharField(max_length=10, choices=Role, default=Role.STUDENT)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects = UserManager()  # type: ignore[assignment,misc]

    class Meta:
        ordering = ("email",)

    def __str__(self) -> str:
        return self.get_full_name() or self.email

    def clean(self) -> None:
        super().clean()
        self.email = self.email.lower()

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.is_staff = self.is_superuser = self.role == self.Role.ADMIN
        super().save(*args, **kwargs)

    @property
    def is_doctor(self) -> bool:
        return self.role == self.Role.DOCTOR

    @property
    def is_admin(self) -> bool:
        return self.role == self.Role.ADMIN
