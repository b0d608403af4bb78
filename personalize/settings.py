"""The one settings module: everything comes from the environment and is described in docs/settings.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import environ
from csp.constants import NONCE, NONE, SELF, UNSAFE_INLINE
from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

ROOT = Path(__file__).resolve().parent.parent
env = environ.Env()
env_file = Path(env.str("ENV_FILE", default=str(ROOT / ".env")))
if env_file.is_file():
    environ.Env.read_env(env_file)

VAR = Path(env.str("VAR_DIR", default=str(ROOT / "var")))
DEBUG = env.bool("DEBUG", default=False)
DEMO = env.bool("DEMO", default=False)

# A secret that everybody knows is refused outside debugging, by the check personalize.E001.
DEMO_SECRET_KEY = "demo-secret-key-for-one-machine-only"  # noqa: S105  It is public on purpose.
SECRET_KEY = env.str("SECRET_KEY", default="")
if not SECRET_KEY and DEMO and (VAR / "secret.key").is_file():
    # A command by hand must hash addresses and sign links as the demo it is about does.
    SECRET_KEY = (VAR / "secret.key").read_text().strip()
if not SECRET_KEY:
    if not (DEBUG or DEMO):
        raise ImproperlyConfigured(
            "SECRET_KEY is not set. Make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(50))'"
        )
    SECRET_KEY = DEMO_SECRET_KEY
# Keys that sign links in mails, as "id:secret,id:secret"; the first signs, all verify. Empty: derived from SECRET_KEY.
LINK_KEYS = env.list("LINK_KEYS", default=[])
# The key of the address hash: it must never change, or suppression forgets whom it protects.
ADDRESS_KEY = env.str("ADDRESS_KEY", default="") or SECRET_KEY

BASE_URL = env.str("BASE_URL", default="http://127.0.0.1:8000").rstrip("/")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.forms",
    "django_htmx",
    "csp",
    "anymail",
    "ninja",
    "personalize.core",
    "personalize.dashboard",
    "personalize.accounts",
    "segments.subscribers",
    "segments.consent",
    "segments.events",
    "segments.commerce",
    "segments.segmentation",
    "segments.transfer",
    "personalize.recommendations",
    "personalize.content",
    "campaigns.delivery",
    "campaigns.scheduled",
    "campaigns.automations",
    "campaigns.tracking",
    "campaigns.analytics",
    "personalize.demo",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "personalize.accounts.middleware.reader_zone",
    "personalize.accounts.middleware.admin_scripts",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "personalize.urls"
WSGI_APPLICATION = "personalize.wsgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "personalize.accounts.context.brand",
                "personalize.dashboard.context.frame",
            ],
        },
    }
]
FORM_RENDERER = "personalize.dashboard.forms.DashboardRenderer"

DATABASES: dict[str, Any] = {
    "default": env.db("DATABASE_URL", default=f"sqlite:///{VAR / 'personalize.sqlite3'}"),
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Without IMMEDIATE a read-then-write transaction fails at once with "database is locked".
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON; PRAGMA cache_size=-65536;",
    }
else:
    DATABASES["default"].setdefault("CONN_MAX_AGE", 60)
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.str("REDIS_URL", default="")
CACHES = {
    "default": (
        {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
        if REDIS_URL
        else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    )
}

# Celery is a doorbell: it carries the news that something is due, never the thing itself.
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default="") or REDIS_URL or "filesystem://"
if CELERY_BROKER_URL.startswith("filesystem://"):
    BROKER_DIR = VAR / "broker"
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(BROKER_DIR / "messages"),
        "data_folder_out": str(BROKER_DIR / "messages"),
        "control_folder": str(BROKER_DIR / "control"),
    }
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_TIMEZONE = "UTC"
CELERY_TASK_ALWAYS_EAGER = env.bool("CELERY_TASK_ALWAYS_EAGER", default=False)
LOOK_EVERY_SECONDS = env.float("LOOK_EVERY_SECONDS", default=5.0)
IDLE_LOOK_SECONDS = env.float("IDLE_LOOK_SECONDS", default=2.0)
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR / "beat-schedule")
CELERY_BEAT_SCHEDULE = {
    "look": {
        "task": "core.look",
        "schedule": LOOK_EVERY_SECONDS,
        "options": {"expires": LOOK_EVERY_SECONDS},
    },
}

# Mail leaves through Django's SMTP backend or any Anymail backend named here.
EMAIL_BACKEND = env.str("EMAIL_BACKEND", default="django.core.mail.backends.smtp.EmailBackend")
vars().update(env.email("EMAIL_URL", default="smtp://127.0.0.1:2525", backend=EMAIL_BACKEND))
EMAIL_BACKEND = env.str("EMAIL_BACKEND", default="django.core.mail.backends.smtp.EmailBackend")
EMAIL_TIMEOUT = env.int("EMAIL_TIMEOUT", default=600)
ANYMAIL = {key.removeprefix("ANYMAIL_"): value for key, value in env.ENVIRON.items() if key.startswith("ANYMAIL_")}

# The sending engine; the reasons for these figures stand in docs/architecture.md.
DELIVERY_CLAIM = env.int("DELIVERY_CLAIM", default=500)
DELIVERY_WINDOW = env.int("DELIVERY_WINDOW", default=8)
DELIVERY_LEASE_SECONDS = env.float("DELIVERY_LEASE_SECONDS", default=120.0)
DELIVERY_DAILY_CAP = env.int("DELIVERY_DAILY_CAP", default=0 if DEMO else 3)
DELIVERY_DECIDE_MINUTES = env.int("DELIVERY_DECIDE_MINUTES", default=30)
DELIVERY_MAX_ATTEMPTS = env.int("DELIVERY_MAX_ATTEMPTS", default=6)
AUTOMATION_DAILY_ENTRIES = env.int("AUTOMATION_DAILY_ENTRIES", default=20)

# Files in: how large an uploaded one may be, and how soon an import whose process died is taken up by another.
IMPORT_MAX_BYTES = env.int("IMPORT_MAX_BYTES", default=100_000_000)
IMPORT_LEASE_SECONDS = env.float("IMPORT_LEASE_SECONDS", default=30.0)

# A click this soon after the mail was handed over is a sign of a link scanner; one sign alone decides nothing.
TRACKING_FAST_SECONDS = env.float("TRACKING_FAST_SECONDS", default=60.0)

# How long things are kept, where it is not as long as their apps say: kind=days or kind=never, by commas.
RETENTION_DAYS = dict(item.partition("=")[::2] for item in env.list("RETENTION_DAYS", default=[]))

# How many people may sign up by forms from one network in a day; many of them may share one.
SIGNUPS_PER_NETWORK = env.int("SIGNUPS_PER_NETWORK", default=20)

WEBHOOKS_MAY_STAY_INSIDE = env.bool("WEBHOOKS_MAY_STAY_INSIDE", default=False)
RENDER_MEMORY_MB = env.int("RENDER_MEMORY_MB", default=512)
RENDER_MESSAGE_SECONDS = env.float("RENDER_MESSAGE_SECONDS", default=0.25)
RENDER_COMPILE_SECONDS = env.float("RENDER_COMPILE_SECONDS", default=2.0)

CAUGHT_MAIL = Path(env.str("CAUGHT_MAIL", default=str(VAR / "caught.sqlite3")))

AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = reverse_lazy("accounts:login")
LOGIN_REDIRECT_URL = reverse_lazy("dashboard:home")
LOGOUT_REDIRECT_URL = LOGIN_URL
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

LANGUAGE_CODE = "en-gb"
LANGUAGES = [("en-gb", _("English"))]
LOCALE_PATHS = [ROOT / "personalize" / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = Path(env.str("STATIC_ROOT", default=str(VAR / "static")))
MEDIA_URL = "media/"
MEDIA_ROOT = VAR / "media"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": (
            "django.contrib.staticfiles.storage.StaticFilesStorage"
            if DEBUG or DEMO
            else "whitenoise.storage.CompressedManifestStaticFilesStorage"
        )
    },
}
WHITENOISE_USE_FINDERS = DEBUG or DEMO

# The dashboard runs no inline script and no eval; /admin/ and mail previews set their own policy.
CONTENT_SECURITY_POLICY: dict[str, Any] = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, UNSAFE_INLINE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}
X_FRAME_OPTIONS = "SAMEORIGIN"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
_https = BASE_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _https
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=_https and not (DEBUG or DEMO))
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=31_536_000 if SECURE_SSL_REDIRECT else 0)
BEHIND_PROXY = env.bool("BEHIND_PROXY", default=False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
# Not ours to promise: whether every other host of the shop's domain speaks HTTPS. Our own pages frame our own previews. What
# an index holds besides its keys is for PostgreSQL.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W019", "security.W021", "models.W040"]

UNFOLD = {
    "SITE_TITLE": "Personalize",
    "SITE_HEADER": "Personalize",
    "SITE_URL": "/",
    "SHOW_HISTORY": True,
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("dashboard/mark.svg")},
    ],
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "filters": {"keys": {"()": "personalize.core.masking.MaskKeys"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["keys"]}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
}

# A copy of UCI Online Retail on this machine; read by one test, never shipped.
ONLINE_RETAIL_DIR = env.str("ONLINE_RETAIL_DIR", default="")
