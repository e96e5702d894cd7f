from typing import Any
from unittest.mock import patch

import factory

from accounts.models import User
from inference import runs
from inference.engine.reading import Reading
from inference.models import Analysis


class UserFactory(factory.django.DjangoModelFactory[User]):
    class Meta:
        model = User
        skip_postgeneration_save = True

    email = factory.Sequence(lambda n: f"person{n}@example.org")
    first_name = factory.Faker("first_name")
    last_name = factory.Faker("last_name")
    password = factory.django.Password("correct horse battery staple")

    @classmethod
    def _create(cls, model_class: type[User], *args: Any, **fields: Any) -> User:
        user: User = super()._create(model_class, *args, **fields)
        user.vouch_for_address()
        return user


def end(queued: Analysis, reading: Reading) -> Analysis:
    """Let an analysis end with a reading, without reading it again."""
    with patch.object(runs, "read", lambda _: reading):
        runs.run(queued.id)
    queued.refresh_from_db()
    assert queued.status == Analysis.Status.DONE
    return queued
