"""Settings of Falx. Every knob comes from the environment; the README has the table.

Nothing set gives the embedded form: SQLite, a broker made of files, everything under `var/` and
`media/`. `DATABASE_URL` and `REDIS_URL` give the real thing with the same code.
"""

from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from django.core.exceptions import ImproperlyConfigured
from django.core.management.utils import get_random_secret_key
from environ import FileAwareEnv

BASE_DIR = Path(__file__).resolve().parent.parent

# FileAwareEnv: NAME_FILE may name a file that holds the value (Docker and systemd secrets).
env = FileAwareEnv()

VAR_DIR = Path(env.str("FALX_VAR", default=str(BASE_DIR / "var")))
EMBEDDED = not env.str("DATABASE_URL", default="")
REDIS_URL = env.str("REDIS_URL", default="")


def embedded_secret_key() -> str:
    """Return the embedded form's own key, made at first use and readable by its owner only."""
    path = VAR_DIR / "secret_key"
    if not path.exists():
        VAR_DIR.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"secret_key.{uuid4()}")
        fresh.touch(mode=0o600)
        fresh.write_text(get_random_secret_key())
        with suppress(FileExistsError):  # the first of several processes wins
            path.hardlink_to(fresh)
        fresh.unlink()
    return path.read_text()


# --- Core -----------------------------------------------------------------------------------

DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="")
if not SECRET_KEY:
    if not EMBEDDED:
        raise ImproperlyConfigured("SECRET_KEY (or SECRET_KEY_FILE) must be set with DATABASE_URL.")
    SECRET_KEY = embedded_secret_key()

ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.headless",
    "allauth.mfa",
    "allauth.usersessions",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "backend.idempotency",
    "accounts",
    "accounts.systems",
    "audit",
    "tumors",
    "patients",
    "scans",
    "scans.uploads",
    "inference",
    "reports",
    "dicom",
    "fhir",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "dicom.dicomweb.viewer.StaticFiles",
    "fhir.api.outcomes.outcomes",
    "accounts.middleware.limit_by_address",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "backend.api.caching.private_by_default",
    "django.middleware.http.ConditionalGetMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "accounts.middleware.SecondFactor",
    "accounts.middleware.AllauthInput",
    "backend.idempotency.middleware.IdempotencyMiddleware",  # calls the view: always the last
]

ROOT_URLCONF = "backend.urls"
ASGI_APPLICATION = "backend.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-gb"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# --- Database and cache ---------------------------------------------------------------------

if EMBEDDED:
    VAR_DIR.mkdir(parents=True, exist_ok=True)
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": VAR_DIR / "falx.sqlite3",
            "OPTIONS": {
                # A transaction takes the write lock when it begins: waiting for it is safe,
                # upgrading to it half-way is what makes SQLite say "database is locked".
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            },
        }
    }
else:
    DATABASES = {"default": env.db_url("DATABASE_URL")}

CACHES = {
    "default": (
        {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": REDIS_URL,
            # Every request counts itself here: one that cannot be reached must not hold them up.
            "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 1},
        }
        if REDIS_URL
        else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    )
}

# --- Files ----------------------------------------------------------------------------------

# Nothing under MEDIA_ROOT is ever served as it is: the API hands files to those who may see them.
MEDIA_ROOT = Path(env.str("MEDIA_ROOT", default=str(BASE_DIR / "media")))
STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True  # served from where they are installed: nothing to collect
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o700

MAX_UPLOAD_MB = env.int("MAX_UPLOAD_MB", default=50)
MAX_UPLOAD_BYTES = MAX_UPLOAD_MB * 1024 * 1024
# A resumable upload is removed when nothing has come for so long.
UPLOAD_HOURS = env.int("UPLOAD_HOURS", default=24)

# Whole studies: the largest request (DICOMweb's too), what its archives may unpack to, the largest
# object, and how many files.
MAX_STUDY_MB = env.int("MAX_STUDY_MB", default=1024)
MAX_STUDY_BYTES = MAX_STUDY_MB * 1024 * 1024
MAX_STUDY_UNPACKED_MB = env.int("MAX_STUDY_UNPACKED_MB", default=4096)
MAX_STUDY_UNPACKED_BYTES = MAX_STUDY_UNPACKED_MB * 1024 * 1024
MAX_INSTANCE_MB = env.int("MAX_INSTANCE_MB", default=512)
MAX_INSTANCE_BYTES = MAX_INSTANCE_MB * 1024 * 1024
MAX_STUDY_FILES = env.int("MAX_STUDY_FILES", default=10_000)
DATA_UPLOAD_MAX_NUMBER_FILES = MAX_STUDY_FILES
# A series is taken to be whole when nothing more has come for so long and nobody said it is.
SERIES_QUIET_S = env.int("SERIES_QUIET_S", default=60)

# --- Accounts -------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
HEADLESS_ONLY = True
HEADLESS_CLIENTS = ("app",)
USERSESSIONS_TRACK_ACTIVITY = True
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_SIGNUP_FORM_CLASS = "accounts.forms.SignUpForm"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "mandatory"  # whoever makes an account for others vouches
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True  # an app has no page to open from a mail
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND = True
ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # no mail to strangers who ask for a new password
ACCOUNT_EMAIL_NOTIFICATIONS = True  # of a changed password, a new or removed second factor
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
# Failed passwords and codes, for each address that asks and for each account.
ACCOUNT_RATE_LIMITS = {"login_failed": env.str("LOGIN_FAILURES", default="10/m/ip,5/5m/key")}
SIGN_UP_OPEN = env.bool("SIGN_UP_OPEN", default=True)  # for students; nobody else signs up
INVITATION_DAYS = env.int("INVITATION_DAYS", default=7)

MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Falx"
# Roles that reach nothing without a second factor.
MFA_REQUIRED_ROLES = env.list("MFA_REQUIRED_ROLES", default=[])

# Requests in a window of time; empty for no limit.
RATE_PER_USER = env.str("RATE_PER_USER", default="600/min")
RATE_PER_ADDRESS = env.str("RATE_PER_ADDRESS", default="6000/min")  # a hospital may share one
RATE_PUBLIC_PER_ADDRESS = env.str("RATE_PUBLIC_PER_ADDRESS", default="60/hour")
# Systems that do not prove who they are: one from one address, and all from one.
RATE_TOKEN_FAILURES_PER_CLIENT = env.str("RATE_TOKEN_FAILURES_PER_CLIENT", default="10/min")
RATE_TOKEN_FAILURES_PER_ADDRESS = env.str("RATE_TOKEN_FAILURES_PER_ADDRESS", default="60/min")
RATE_MAIL_PER_ADDRESSEE = env.str("RATE_MAIL_PER_ADDRESSEE", default="5/hour")
# How long an access token of a hospital's system is good.
SYSTEM_TOKEN_S = env.int("SYSTEM_TOKEN_S", default=300)
SESSION_COOKIE_AGE = int(timedelta(days=env.int("SESSION_DAYS", default=14)).total_seconds())

EMAIL_CONFIG = env.email_url("EMAIL_URL", default="consolemail://")
vars().update(EMAIL_CONFIG)
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Falx <falx@localhost>")

# --- API ------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.systems.authentication.BearerAuthentication",
        "accounts.api.authentication.SessionTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_THROTTLE_CLASSES": ["accounts.api.throttling.PerUser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["backend.api.parsers.JSONParser"],
    "DEFAULT_PAGINATION_CLASS": "backend.api.pagination.NewestFirst",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "audit.api.refusals.exception_handler",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}

# How long an answer is kept at least for those who ask again with the same Idempotency-Key.
IDEMPOTENCY_HOURS = env.int("IDEMPOTENCY_HOURS", default=24)
# How long a request waits for another with the same key that is being carried out (PostgreSQL).
IDEMPOTENCY_WAIT_S = env.float("IDEMPOTENCY_WAIT_S", default=5.0)
# How long such a request may say nothing to PostgreSQL before it is presumed dead and undone.
IDEMPOTENCY_LEASE_S = env.int("IDEMPOTENCY_LEASE_S", default=60)

SPECTACULAR_SETTINGS = {
    "TITLE": "Falx",
    "DESCRIPTION": (
        "Reads brain MRI slices: class, outline, measurements, kept in the patient's file. "
        "Decision support for clinicians and for teaching, not a diagnosis.\n\n"
        "Sign in through `/_allauth/app/v1/auth/login` and send `X-Session-Token`. "
        'Errors are `{"code", "message", "field"}` and, where several fields are wrong, `errors`.'
    ),
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "backend.api.schema.add_errors",
        "accounts.api.schema.add_refusals",
        "backend.idempotency.schema.add_idempotency_key",
    ],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        "ApplicationStatus": "accounts.models.DoctorApplication.Status",
        "InvitationStatus": "accounts.models.Invitation.Status",
        "Label": "inference.models.Label",
        "Side": "inference.api.measurements.SIDES",
        "AnalysisStatus": "inference.models.Analysis.Status",
        "ReviewDecision": "inference.models.Review.Decision",
        "SeriesReviewDecision": "inference.models.SeriesReview.Decision",
        "ArchiveStatus": "reports.models.Archive.Status",
        "InstanceFormat": "scans.models.Instance.Format",
        "ScanFormat": "scans.models.Scan.Format",
        "HistoryStatus": "patients.models.HistoryEntry.Status",
        "JobStatus": "dicom.models.job.Job.Status",
        "OpinionStatus": "scans.models.Opinion.Status",
        "PatientSex": "patients.models.Patient.Sex",
    },
}

# --- Who may see a file ---------------------------------------------------------------------

EMERGENCY_ACCESS_MINUTES = env.int("EMERGENCY_ACCESS_MINUTES", default=60)
# Files opened and wrong guesses together, for each doctor in 24 hours.
EMERGENCY_ACCESS_PER_DAY = env.int("EMERGENCY_ACCESS_PER_DAY", default=5)
OPINION_DAYS = env.int("OPINION_DAYS", default=14)
# Access ends by itself to the second; this clears the rows away and tells people.
ACCESS_SWEEP_INTERVAL_S = env.float("ACCESS_SWEEP_INTERVAL_S", default=30.0)

# --- Changes --------------------------------------------------------------------------------

# A client that comes back after longer must fetch everything again.
CHANGES_DAYS = env.int("CHANGES_DAYS", default=90)
# How often a process that has listeners looks for something to tell them.
LIVE_INTERVAL_S = env.float("LIVE_INTERVAL_S", default=1.0)

# --- Reports and archives -------------------------------------------------------------------

# What stands on top of a report; the Arabic ones where they are not empty.
HOSPITAL_NAME = env.str("HOSPITAL_NAME", default="Falx")
HOSPITAL_ADDRESS = env.str("HOSPITAL_ADDRESS", default="")
HOSPITAL_NAME_ARABIC = env.str("HOSPITAL_NAME_ARABIC", default="")
HOSPITAL_ADDRESS_ARABIC = env.str("HOSPITAL_ADDRESS_ARABIC", default="")
HOSPITAL_LOGO = env.str("HOSPITAL_LOGO", default="")  # an SVG, PNG or JPEG file
HOSPITAL_TIME_ZONE = env.str("HOSPITAL_TIME_ZONE", default=TIME_ZONE)

# How long an archive of a patient's file can be fetched, and how long building it may take.
ARCHIVE_HOURS = env.int("ARCHIVE_HOURS", default=24)
ARCHIVE_TIME_LIMIT_S = env.int("ARCHIVE_TIME_LIMIT_S", default=600)
ARCHIVE_SWEEP_INTERVAL_S = env.float("ARCHIVE_SWEEP_INTERVAL_S", default=60.0)

# Files without any activity for so many years are what `apply_retention` erases; 0: none.
RETENTION_YEARS = env.int("RETENTION_YEARS", default=0)

# --- DICOM: who we are in its own network protocol ------------------------------------------

DICOM_AE_TITLE = env.str("DICOM_AE_TITLE", default="FALX")
# Where `dicom_listen` takes in what others send; 0: nobody listens, and C-MOVE is not used.
DICOM_PORT = env.int("DICOM_PORT", default=0)
DICOM_HOST = env.str("DICOM_HOST", default="127.0.0.1")
# Whether peers must also call from the address that is written down for them.
DICOM_CHECK_HOST = env.bool("DICOM_CHECK_HOST", default=False)
# Each of these may have so many associations.
DICOM_PROCESSES = env.int("DICOM_PROCESSES", default=2)
DICOM_MAX_ASSOCIATIONS = env.int("DICOM_MAX_ASSOCIATIONS", default=20)
DICOM_MAX_OBJECT_MB = env.int("DICOM_MAX_OBJECT_MB", default=512)
DICOM_MAX_OBJECT_BYTES = DICOM_MAX_OBJECT_MB * 1024 * 1024
# For agreeing on an association, for an answer, for the next thing that is said.
DICOM_ACSE_TIMEOUT_S = env.float("DICOM_ACSE_TIMEOUT_S", default=15.0)
DICOM_DIMSE_TIMEOUT_S = env.float("DICOM_DIMSE_TIMEOUT_S", default=60.0)
DICOM_NETWORK_TIMEOUT_S = env.float("DICOM_NETWORK_TIMEOUT_S", default=60.0)
# PEM files; with a certificate the listener speaks TLS only, and only with whom the CA signed.
DICOM_TLS_CERT = env.str("DICOM_TLS_CERT", default="")
DICOM_TLS_KEY = env.str("DICOM_TLS_KEY", default="")
DICOM_TLS_CA = env.str("DICOM_TLS_CA", default="")
# Fetching a study from another system, and how long a job may take that has gone quiet.
RETRIEVAL_TIME_LIMIT_S = env.int("RETRIEVAL_TIME_LIMIT_S", default=1800)
RETRIEVAL_LEASE_S = env.int("RETRIEVAL_LEASE_S", default=180)
RETRIEVAL_SWEEP_INTERVAL_S = env.float("RETRIEVAL_SWEEP_INTERVAL_S", default=30.0)

# --- DICOMweb -------------------------------------------------------------------------------

# Viewers ask for every slice, many at once.
RATE_DICOMWEB_PER_USER = env.str("RATE_DICOMWEB_PER_USER", default="6000/min")
# The built OHIF viewer, to be served at /viewer/; empty: none is.
OHIF_DIR = env.str("OHIF_DIR", default="")
WHITENOISE_ROOT = OHIF_DIR or None

# --- The inbox: what other systems sent and nobody's file can take ---------------------------

# Whether doctors see it and assign what is in it, or admins alone.
INBOX_FOR_DOCTORS = env.bool("INBOX_FOR_DOCTORS", default=True)
# What waits longer is discarded; 0: it waits until somebody decides.
INBOX_KEEP_DAYS = env.int("INBOX_KEEP_DAYS", default=0)

# --- Results for other systems --------------------------------------------------------------

# How often making or sending one is tried before it is given up; each pause is twice as long.
DICOM_DELIVERY_ATTEMPTS = env.int("DICOM_DELIVERY_ATTEMPTS", default=12)
DICOM_DELIVERY_BACKOFF_S = env.int("DICOM_DELIVERY_BACKOFF_S", default=30)

# --- Jobs -----------------------------------------------------------------------------------

# The engine needs well under a second for a slice; the limit is for what went wrong.
ANALYSIS_TIME_LIMIT_S = env.int("ANALYSIS_TIME_LIMIT_S", default=60)
# A running analysis is presumed dead when its worker has had this much more than the limit.
ANALYSIS_LEASE_S = env.int("ANALYSIS_LEASE_S", default=ANALYSIS_TIME_LIMIT_S + 15)
# A queued analysis nobody took is sent again after this, then after twice as long, and so on.
ANALYSIS_RESEND_S = env.int("ANALYSIS_RESEND_S", default=30)
ANALYSIS_MAX_ATTEMPTS = env.int("ANALYSIS_MAX_ATTEMPTS", default=3)
ANALYSIS_RETRY_BACKOFF_S = env.int("ANALYSIS_RETRY_BACKOFF_S", default=5)
# A series takes as long as it has slices; its lease is renewed while it gets on.
SERIES_TIME_LIMIT_S = env.int("SERIES_TIME_LIMIT_S", default=1800)
SWEEP_INTERVAL_S = env.float("SWEEP_INTERVAL_S", default=15.0)
AUDIT_SEAL_INTERVAL_S = env.float("AUDIT_SEAL_INTERVAL_S", default=10.0)
FALX_RELEASE = env.str("FALX_RELEASE", default="")

CELERY_BROKER_URL = REDIS_URL or "files://localhost"
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, object] = (
    {
        # Unacknowledged work of a lost worker comes back after this; never sooner than a lease.
        "visibility_timeout": ANALYSIS_LEASE_S * 2,
        # A web request tries twice and goes on: the row is queued, the sweep will send it.
        "socket_connect_timeout": 2,
        "socket_timeout": 5,
        "max_retries": 1,
        "interval_start": 0,
    }
    if REDIS_URL
    else {"folder": str(VAR_DIR / "broker"), "polling_interval": 0.1}
)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = ANALYSIS_TIME_LIMIT_S
CELERY_TASK_SOFT_TIME_LIMIT = max(1, ANALYSIS_TIME_LIMIT_S - 5)
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BEAT_SCHEDULER = "celery.beat:Scheduler"  # in memory: no file that two could fight over
CELERY_BEAT_SCHEDULE = {
    "sweep": {
        "task": "inference.sweep",
        "schedule": SWEEP_INTERVAL_S,
        # A sweep that waited in a queue behind its successor has nothing to say.
        "options": {"expires": SWEEP_INTERVAL_S},
    },
    "seal the audit": {
        "task": "audit.seal",
        "schedule": AUDIT_SEAL_INTERVAL_S,
        "options": {"expires": AUDIT_SEAL_INTERVAL_S},
    },
    "settle whole uploads": {
        "task": "inference.settle_uploads",
        "schedule": SWEEP_INTERVAL_S,
        "options": {"expires": SWEEP_INTERVAL_S},
    },
    "remove expired uploads": {
        "task": "uploads.expire",
        "schedule": timedelta(hours=1),
    },
    "purge idempotency keys": {
        "task": "idempotency.purge",
        "schedule": timedelta(hours=1),
    },
    "clear ended access": {
        "task": "patients.clear_ended_access",
        "schedule": ACCESS_SWEEP_INTERVAL_S,
        "options": {"expires": ACCESS_SWEEP_INTERVAL_S},
    },
    "end overdue opinions": {
        "task": "scans.end_overdue_opinions",
        "schedule": ACCESS_SWEEP_INTERVAL_S,
        "options": {"expires": ACCESS_SWEEP_INTERVAL_S},
    },
    "settle quiet series": {
        "task": "scans.settle_quiet_series",
        "schedule": SWEEP_INTERVAL_S,
        "options": {"expires": SWEEP_INTERVAL_S},
    },
    "publish and deliver results": {
        "task": "dicom.sweep_deliveries",
        "schedule": SWEEP_INTERVAL_S,
        "options": {"expires": SWEEP_INTERVAL_S},
    },
    "push reports to FHIR servers": {
        "task": "fhir.sweep_pushes",
        "schedule": SWEEP_INTERVAL_S,
        "options": {"expires": SWEEP_INTERVAL_S},
    },
    "purge changes": {
        "task": "patients.purge_changes",
        "schedule": timedelta(days=1),
    },
    "sweep archives": {
        "task": "reports.sweep",
        "schedule": ARCHIVE_SWEEP_INTERVAL_S,
        "options": {"expires": ARCHIVE_SWEEP_INTERVAL_S},
    },
    "file what waited": {
        "task": "dicom.inbox.file_waiting",
        "schedule": SWEEP_INTERVAL_S,
        "options": {"expires": SWEEP_INTERVAL_S},
    },
    "discard what waited too long": {
        "task": "dicom.inbox.discard_expired",
        "schedule": timedelta(days=1),
    },
    "forget systems' tokens": {
        "task": "systems.forget_expired_tokens",
        "schedule": timedelta(hours=1),
    },
    "sweep retrievals": {
        "task": "dicom.sweep_retrievals",
        "schedule": RETRIEVAL_SWEEP_INTERVAL_S,
        "options": {"expires": RETRIEVAL_SWEEP_INTERVAL_S},
    },
    "clear expired sessions": {
        "task": "accounts.clear_expired_sessions",
        "schedule": timedelta(days=1),
    },
    "forget unverified": {
        "task": "accounts.forget_unverified",
        "schedule": timedelta(days=1),
    },
}

# --- Security behind a proxy ----------------------------------------------------------------

# How many proxies of ours stand in front: so many entries of X-Forwarded-For are believed.
TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", default=0)
HTTPS = env.bool("HTTPS", default=False)
if HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^health/"]
    SECURE_HSTS_SECONDS = 31_536_000
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    # What else lives under the domain, and whether browsers preload it, is its owner's to decide.
    SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"

# --- Audit ----------------------------------------------------------------------------------

# What the audit's hash chain is made with. Set it before you ever change SECRET_KEY: events that
# were sealed with one key do not verify with another.
AUDIT_KEY = env.str("AUDIT_KEY", default="")

# What stands for UIDs and patients' numbers in de-identified objects follows from it. Set it before
# you ever change SECRET_KEY: what is sent again would get other UIDs.
DEIDENTIFICATION_KEY = env.str("DEIDENTIFICATION_KEY", default="")

# --- Log ------------------------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", default="INFO")},
    # A line for each sweep that found nothing to do, or each header copied, would hide the others.
    "loggers": {
        name: {"level": "WARNING"}
        for name in ("celery.app.trace", "celery.beat", "celery.worker.strategy", "highdicom")
    },
}
