import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import PEOPLE, User


@pytest.fixture(params=[role for role, _ in PEOPLE])
def signed_in(request, db) -> APIClient:
    """A client of each role in turn."""
    user = User.objects.create_user(f"{request.param}@example.org", role=request.param)
    client = APIClient()
    client.force_authenticate(user)
    return client


@pytest.fixture
def admin_site(db) -> Client:
    client = Client()
    client.force_login(User.objects.create_user("admin@example.org", role=User.Role.ADMIN))
    return client
