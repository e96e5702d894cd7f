"""What every test starts from: a caller in each role, a patient's file, a place for files."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.cache import cache, caches
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import User
from backend.celery import app as celery_app
from inference import runs
from inference.engine.reading import Reading
from inference.models import Analysis
from inference.services import upload_and_analyse
from patients.models import Patient
from patients.services import create_patient
from tests.factories import UserFactory, end
from tests.jobs.deployment import EMAIL, PASSWORD, WORKER, Deployment, kill, with_path
from tests.jobs.phone import Phone
from tests.samples import sample

PEERS = Path(__file__).resolve().parent / "peers"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On servers, leave out what opens no database: it has run without them already."""
    if not django_settings.REDIS_URL:
        return
    left_out = [item for item in items if not needs_servers(item)]
    items[:] = [item for item in items if needs_servers(item)]
    config.hook.pytest_deselected(items=left_out)


def needs_servers(item: pytest.Item) -> bool:
    used = {"db", "transactional_db", "deployment"} & set(getattr(item, "fixturenames", ()))
    marked = any(item.get_closest_marker(name) for name in ("django_db", "peers"))
    return bool(used) or marked


@pytest.fixture(autouse=True, scope="session")
def _own_cache() -> None:
    """Tests run side by side; each of these processes has its own database of a Redis."""
    if django_settings.REDIS_URL:
        address = with_path(django_settings.REDIS_URL, str(1 + WORKER))
        django_settings.CACHES["default"]["LOCATION"] = address
        del caches["default"]  # whatever was imported may have opened it


@pytest.fixture(autouse=True)
def _own_files(settings: object, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"  # type: ignore[attr-defined]
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def _static_files_when_asked_for(settings: object) -> None:
    """A server lists them when it starts, and every test client is a server that starts."""
    settings.WHITENOISE_AUTOREFRESH = True  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def _no_earlier_failures() -> None:
    """Failed sign-ins are counted in the cache, across tests too."""
    cache.clear()


@pytest.fixture(autouse=True)
def _own_broker() -> Iterator[None]:
    """Messages of these tests go nowhere; tests with a real worker start it themselves."""
    url = celery_app.conf.broker_url
    celery_app.conf.update(broker_url="memory://")
    yield
    celery_app.conf.update(broker_url=url)


@pytest.fixture
def doctor(db: None) -> User:
    return UserFactory.create(role=User.Role.DOCTOR)


@pytest.fixture
def other_doctor(db: None) -> User:
    return UserFactory.create(role=User.Role.DOCTOR)


@pytest.fixture
def student(db: None) -> User:
    return UserFactory.create(role=User.Role.STUDENT)


@pytest.fixture
def admin(db: None) -> User:
    return UserFactory.create(role=User.Role.ADMIN)


@pytest.fixture
def api() -> Callable[[User | None], APIClient]:
    """Return a client that calls the API as somebody, or as nobody."""

    def as_user(user: User | None) -> APIClient:
        client = APIClient()
        if user is not None:
            client.force_authenticate(user)
        return client

    return as_user


@pytest.fixture
def as_doctor(api: Callable[[User | None], APIClient], doctor: User) -> APIClient:
    return api(doctor)


@pytest.fixture
def admin_site(admin: User) -> Client:
    client = Client()
    client.force_login(admin, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def patient(doctor: User) -> Patient:
    return create_patient(user=doctor, family_name="Haddad", given_name="Rana", sex="female")


@pytest.fixture
def queued(doctor: User, patient: Patient) -> Analysis:
    """A real slice, uploaded, whose analysis nobody has taken yet."""
    file = SimpleUploadedFile("slice.jpg", sample("glioma").read_bytes())
    return upload_and_analyse(user=doctor, patient=patient, file=file)


@pytest.fixture(scope="session")
def glioma_reading() -> Reading:
    """What the released engine says about the slice of `queued`: always the same."""
    return runs.engine().read_file(sample("glioma").read_bytes())


@pytest.fixture
def done(queued: Analysis, glioma_reading: Reading) -> Analysis:
    """The same, with its reading."""
    return end(queued, glioma_reading)


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A whole installation in processes of its own, for the tests that need one."""
    deployment = Deployment(tmp_path_factory.mktemp("deployment"))
    try:
        deployment.prepare()
        yield deployment
    finally:
        deployment.remove()


@pytest.fixture(scope="session")
def phone(deployment: Deployment) -> Phone:
    """A phone of a doctor who is signed in."""
    phone = deployment.web()
    phone.sign_in(EMAIL, PASSWORD)
    return phone


@pytest.fixture
def another(
    deployment: Deployment, phone: Phone
) -> Iterator[tuple[Phone, subprocess.Popen[bytes]]]:
    """The same phone at a second web server, and that server's process."""
    address = deployment.web().address
    process = deployment.processes[-1]
    yield Phone(address, phone.token), process
    kill(process)
    deployment.processes.remove(process)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave alone what needs software of others, unless it is asked for: it may not be there."""
    asked_for = config.getoption("markexpr") == "peers"
    return True if collection_path == PEERS and not asked_for else None
