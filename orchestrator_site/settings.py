"""Settings from the environment only; with none at all the product runs on SQLite in DATA_DIR.

Every variable is listed in .env.example. Contradictions are refused at start by `orchestrator_site.checks`.
"""

from __future__ import annotations

import hashlib
import sys
import warnings
from pathlib import Path
from typing import Any

from orchestrator_site.lib import environment as env
from orchestrator_site.lib.database_url import database_config
from orchestrator_site.lib.instance import instance_secret

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env.text("DATA_DIR", str(BASE_DIR / ".data"))).resolve()
DATA_DIR.mkdir(parents=True, exist_ok=True)

PRODUCTION = env.flag("PRODUCTION", False)
DEBUG = env.flag("DEBUG", False)
TESTING = "pytest" in sys.modules
SECRET_KEY = env.secret("SECRET_KEY") or instance_secret(DATA_DIR, "secret_key")
SECRET_KEY_FALLBACKS = env.words("SECRET_KEY_FALLBACKS")
FIELD_KEYS = env.words("FIELD_KEY") or [instance_secret(DATA_DIR, "field_key")]
INSTANCE_KEY = hashlib.sha256(b"effects|" + FIELD_KEYS[-1].encode()).hexdigest()
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS") or ["localhost", "127.0.0.1", "[::1]"]
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")
PORT = env.number("PORT", 8000, low=0, high=65535)
# Where people open it: in answers of the API, in mails. On a machine of one's own that is the loopback address.
PUBLIC_URL = (env.text("PUBLIC_URL", "") or ("" if PRODUCTION else f"http://127.0.0.1:{PORT}")).rstrip("/")

# What may be reached, and how much of everything
ALLOW_PRIVATE_HOSTS = env.words("ALLOW_PRIVATE_HOSTS")
DEMO_LOGIN = env.flag("DEMO_LOGIN", False)
DESCRIBE_PER_HOUR = env.number("DESCRIBE_PER_HOUR", 60, low=0, high=1_000_000)
API_PER_MINUTE = env.number("API_PER_MINUTE", 0, low=0, high=1_000_000)
WEBHOOKS_PER_SECOND = env.number("WEBHOOKS_PER_SECOND", 0, low=0, high=100_000)
MAX_STEPS = env.number("MAX_STEPS", 1000, low=1, high=10_000)
MAX_ITEMS = env.number("MAX_ITEMS", 1000, low=1, high=10_000)
LEASE_SECONDS = env.number("LEASE_SECONDS", 30, low=12, high=600)
ENGINE_RUNS = env.number("ENGINE_RUNS", 2500, low=1, high=100_000)
ENGINE_MEMORY_MB = env.number("ENGINE_MEMORY", 300, low=50, high=100_000)
# Large outputs of steps are not held by the runs that go on; so many MB of those used last are at hand in each worker.
ENGINE_VALUES_MB = env.number("ENGINE_VALUES", 64, low=1, high=100_000)
# The rates that services declare; what a connection sets for itself, Retry-After and breakers hold in any case.
SERVICE_LIMITS = env.flag("SERVICE_LIMITS", True)
WORKERS = env.number("WORKERS", 2, low=1, high=64)

INSTALLED_APPS = [
    "orchestrator_site.apps.SiteConfig",
    "accounts",
    "prompts",
    "integrations",
    "workflows",
    "orchestrator_site.lib",
    "accounts.admin_apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.google",
    "allauth.usersessions",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "csp",
    "django_q",
]

MIDDLEWARE = [
    "accounts.addresses.TrustedProxyMiddleware",
    "orchestrator_site.lib.middleware.RequestIdMiddleware",
    # What only adds headers comes before what may answer: files, redirects and refusals carry them too.
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "orchestrator_site.lib.middleware.BodyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "accounts.middleware.SessionAgeMiddleware",
    "accounts.middleware.PermissionMiddleware",
]
ROOT_URLCONF = "orchestrator_site.urls"
PERMISSION_TABLE = "orchestrator_site.permissions.TABLE"
WSGI_APPLICATION = "orchestrator_site.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "orchestrator_site.shell.page_shell",
            ],
        },
    }
]

DATABASES: dict[str, dict[str, Any]] = {
    "default": database_config(env.text("DATABASE_URL", ""), DATA_DIR),
}
DATABASE_LISTEN_URL = env.text("DATABASE_LISTEN_URL", "")
ENFORCE_WORKSPACE_SCOPE = True

REDIS_URL = env.text("REDIS_URL", "")
_SHARED_CACHE: dict[str, Any] = (
    {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": REDIS_URL}
    if REDIS_URL
    else {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "shared_cache",
        # Beyond this many it throws living counters away: nobody must come near it by asking under many names.
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
)
CACHES: dict[str, dict[str, Any]] = {
    # Counters of rate limits are shared by every process (security.md S14); allauth counts in "default".
    "default": _SHARED_CACHE,
    "shared": _SHARED_CACHE,
    "local": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "local"},
    "queue": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "queue"},
}

# Sign-in: by e-mail, by one-time link, by Google where its keys are set; sign-up is closed.
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
SOCIALACCOUNT_ADAPTER = "accounts.adapter.SocialAccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "optional"
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_LOGIN_BY_CODE_ENABLED = False
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
MFA_TOTP_ISSUER = "AI Workflow Orchestrator"
MFA_ALLOW_UNVERIFIED_EMAIL = True  # sign-up is closed: nobody can squat on an address and lock its owner out
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_QUERY_EMAIL = True
SOCIALACCOUNT_LOGIN_ON_GET = False
GOOGLE_CLIENT_ID = env.text("GOOGLE_CLIENT_ID", "")
GOOGLE_CLIENT_SECRET = env.secret("GOOGLE_CLIENT_SECRET")
GOOGLE_AUTH_URL = env.text("GOOGLE_AUTH_URL", "https://accounts.google.com/o/oauth2/v2/auth")
GOOGLE_TOKEN_URL = env.text("GOOGLE_TOKEN_URL", "https://oauth2.googleapis.com/token")
GOOGLE_USERINFO_URL = env.text("GOOGLE_USERINFO_URL", "https://openidconnect.googleapis.com/v1/userinfo")
_google_origin = "/".join(GOOGLE_AUTH_URL.split("/")[:3])
SOCIALACCOUNT_PROVIDERS: dict[str, Any] = {
    "google": {
        "APPS": (
            [{"client_id": GOOGLE_CLIENT_ID, "secret": GOOGLE_CLIENT_SECRET, "key": ""}] if GOOGLE_CLIENT_ID else []
        ),
        "SCOPE": ["openid", "email", "profile"],
        "AUTH_PARAMS": {"access_type": "online"},
        "OAUTH_PKCE_ENABLED": True,
        "AUTHORIZE_URL": GOOGLE_AUTH_URL,
        "ACCESS_TOKEN_URL": GOOGLE_TOKEN_URL,
        "IDENTITY_URL": GOOGLE_USERINFO_URL,
    }
}

SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_AGE = 14 * 24 * 3600
SESSION_IDLE_SECONDS = 24 * 3600
SECURE_COOKIES = env.flag("SECURE_COOKIES", PRODUCTION)
SESSION_COOKIE_NAME = "__Host-session" if SECURE_COOKIES else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if SECURE_COOKIES else "csrf"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_COOKIES
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "orchestrator_site.views.csrf_failure"
SECURE_HSTS_SECONDS = 31_536_000 if SECURE_COOKIES else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE_COOKIES
SECURE_SSL_REDIRECT = env.flag("SECURE_SSL_REDIRECT", SECURE_COOKIES)
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
# Forwarded headers count only from these addresses or networks (TrustedProxyMiddleware drops them otherwise).
TRUSTED_PROXIES = env.words("TRUSTED_PROXIES")
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

from csp.constants import NONCE, NONE, SELF  # noqa: E402 - belongs beside the policy it is for

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "frame-ancestors": [NONE],
        "frame-src": [NONE],
        "object-src": [NONE],
        "base-uri": [NONE],
        # The button "Sign in with Google" is a form whose answer leads there; browsers hold that against form-action.
        "form-action": [SELF, *([_google_origin] if GOOGLE_CLIENT_ID else [])],
    }
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.TokenAuthentication",
        "accounts.authentication.PageSession",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.authentication.TablePermission"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["orchestrator_site.lib.parser.CleanJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "orchestrator_site.lib.api.CursorPage",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "orchestrator_site.lib.api.exception_handler",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "AI Workflow Orchestrator",
    "DESCRIPTION": "Everything the pages do. A token belongs to one workspace: `Authorization: Bearer awo_…`.",
    "VERSION": "1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {},
}

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = DATA_DIR / "staticfiles"
STATIC_ROOT.mkdir(exist_ok=True)
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
SERVICE_ICON_LOADER = "integrations.registry.service_icon"

EMAIL_URL = env.text("EMAIL_URL", "")
EMAIL_BACKEND, EMAIL_OPTIONS = env.email_backend(EMAIL_URL)
for _name, _value in EMAIL_OPTIONS.items():
    globals()[_name] = _value
DEFAULT_FROM_EMAIL = env.text("FROM_EMAIL", "orchestrator@localhost")

# django-q2 warns of what engine.md §1 asks for: a task has no time limit, since its delivery is never trusted.
warnings.filterwarnings("ignore", message="Retry and timeout are misconfigured")
# django-q2 starts and replaces the worker processes and carries wake-ups (engine.md §1); nothing else.
Q_CLUSTER: dict[str, Any] = {
    "name": "orchestrator",
    "workers": WORKERS,
    "timeout": None,
    "retry": 3600,
    "max_attempts": 1,
    "ack_failures": True,
    "save_limit": -1,
    "scheduler": False,
    "recycle": 10**9,
    "queue_limit": 1,
    "bulk": 1,
    "poll": 2,
    "guard_cycle": 1,
    "cache": "queue",
    "catch_up": False,
    "label": "Wake-ups",
    **({"redis": REDIS_URL} if REDIS_URL else {"orm": "default"}),
}

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "orchestrator_site.lib.logs.LineFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env.text("LOG_LEVEL", "INFO")},
    "loggers": {
        "django.server": {"level": "WARNING"},
        "django.request": {"level": "ERROR"},
        "django_q": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
        "httpx2": {"level": "WARNING"},
    },
}
