"""Settings: embedded defaults under var/, services by URL from the environment (docs/settings.md)."""

import os
from pathlib import Path
from typing import Any

from config import env, services

BASE_DIR = Path(__file__).resolve().parent.parent
VAR = Path(env.text("VAR_DIR", str(BASE_DIR / "var"))).absolute()
VAR.mkdir(parents=True, exist_ok=True)

DEBUG = env.flag("DEBUG")
SECRET_KEY = env.secret("SECRET_KEY", VAR / "secret")
SECRET_KEY_FALLBACKS = env.words("SECRET_KEY_FALLBACKS")
IS_SECRET_KEY_MADE = not env.text("SECRET_KEY")
PUBLIC_URL = env.text("PUBLIC_URL", "http://127.0.0.1:8000").rstrip("/")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]")
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
WEB_HOSTS = env.number("WEB_HOSTS", 1)

INSTALLED_APPS = [
    "config",
    "accounts",
    "learning",
    "training",
    "deployments",
    "unfold.apps.BasicAppConfig",  # before the admin, whose templates it replaces
    "django.contrib.admin.apps.SimpleAdminConfig",  # of third parties nothing is registered
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    *(["allauth.socialaccount.providers.openid_connect"] if env.text("OIDC_ISSUER") else []),  # 6 MB of client
    "allauth.usersessions",
    "django_filters",
    "django_htmx",
    "django_structlog",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "rest_framework",
    "template_partials",
]

MIDDLEWARE = [
    "config.opening.OpeningMiddleware",  # a hub that was restored lets nobody in before it is done
    "deployments.api.poll.PollMiddleware",  # before all that costs: a fleet asks all the time
    "config.metrics.counting.CountingMiddleware",
    "config.security.PolicyMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.sessions.SeenMiddleware",
    "accounts.second_factor.SecondFactorMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "learning.viewing.ViewingMiddleware",
    "core.problems.RefusalMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
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
                "config.navigation.navigation",
            ],
        },
    },
]

DATABASES = {"default": services.database(env.text("DATABASE_URL"), VAR)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STORAGES: dict[str, dict[str, Any]] = {
    **services.object_stores(
        env.text("STORE_URL"),
        env.text("STORE_READ_URL"),
        env.text("STORE_PUBLIC_URL").rstrip("/"),
        PUBLIC_URL,
        VAR,
        SECRET_KEY,
    ),
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
REDIS_URL = env.text("REDIS_URL")
CELERY = services.broker(REDIS_URL, VAR)
CACHES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    "keys": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "keys",
        "OPTIONS": {"MAX_ENTRIES": 10_000},
    },
}
KEY_SECONDS = 5
"""For how long a process goes on believing an access key that it looked up."""
TRUST_DIR = Path(env.text("TRUST_DIR", str(VAR / "trust")))
LEDGER_DIR = env.text("LEDGER_DIR")
METRICS_TOKEN = env.text("METRICS_TOKEN")
TRUST_KEY_PASSWORD = env.text("TRUST_KEY_PASSWORD")

# who
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "accounts.sessions.PasswordBackend",
    "accounts.sessions.AccountBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_USER_MODEL_USERNAME_FIELD = "name"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_ADAPTER = "accounts.adapter.InvitedOnlyAdapter"
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_RATE_LIMITS = {"login": "30/m/ip", "login_failed": "30/m/ip,5/5m/key"}  # one office is one address
ACCOUNT_PREVENT_ENUMERATION = True
ALLAUTH_TRUSTED_PROXY_COUNT = env.number("TRUSTED_PROXIES", 0)
MFA_ADAPTER = "accounts.adapter.FactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_ALLOW_UNVERIFIED_EMAIL = True  # a super admin vouches for the address, no mail does
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not PUBLIC_URL.startswith("https://")  # localhost, which browsers take for secure
MFA_REQUIRED_FOR_SUPER_ADMINS = env.flag("MFA_REQUIRED_FOR_SUPER_ADMINS")
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"  # none is ever sent
SOCIALACCOUNT_ADAPTER = "accounts.adapter.KnownOnlyAdapter"
SOCIALACCOUNT_EMAIL_AUTHENTICATION = SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True
SOCIALACCOUNT_PROVIDERS = services.oidc(
    env.text("OIDC_ISSUER"), env.text("OIDC_CLIENT_ID"), env.text("OIDC_CLIENT_SECRET"), env.text("OIDC_NAME", "OpenID")
)

# safe by default
_HTTPS = PUBLIC_URL.startswith("https://")
DJANGO_STRUCTLOG_CELERY_ENABLED = True  # a task's lines carry the ids of the request that sent for it
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False  # whoever stands in front logs addresses; here they are a proxy's
SESSION_ENGINE = "accounts.sessions"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _HTTPS
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_HTTPONLY = True
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _HTTPS else None
SECURE_HSTS_SECONDS = 31_536_000 if _HTTPS else 0
SECURE_SSL_REDIRECT = _HTTPS
SECURE_REDIRECT_EXEMPT = [r"^(live|ready|metrics)$"]  # asked beside the proxy, by who looks after the hub
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]  # other names of the domain are not ours to promise https for
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 32 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 12_000  # the form of a schema of a thousand labels

# rules of the house
APPROVAL_FOUR_EYES = env.flag("APPROVAL_FOUR_EYES", default=True)
STORE_ALLOW_OVERWRITE = env.flag("STORE_ALLOW_OVERWRITE")
UPLOAD_MAX_BYTES = env.number("UPLOAD_MAX_BYTES", 20 * 1024 * 1024)
UPLOAD_MAX_PIXELS = env.number("UPLOAD_MAX_PIXELS", 50_000_000)
UPLOAD_MAX_ARCHIVE_BYTES = env.number("UPLOAD_MAX_ARCHIVE_BYTES", 50 * 1024 * 1024 * 1024)
DECODERS = env.number("DECODERS", min(4, os.cpu_count() or 1))
LEASE_MINUTES = env.number("LEASE_MINUTES", 10)
RUN_LOST_SECONDS = env.number("RUN_LOST_SECONDS", 30)
RUN_MEMORY_MB = env.number("RUN_MEMORY_MB", 0)
MODEL_MAX_BYTES = env.number("MODEL_MAX_BYTES", 200 * 1024 * 1024)
MODEL_CHECK_MEMORY_MB = env.number("MODEL_CHECK_MEMORY_MB", 4_096)
MODEL_CHECK_SECONDS = env.number("MODEL_CHECK_SECONDS", 120)
RUN_DISK_MB = env.number("RUN_DISK_MB", 20_000)
STORE_ARCHIVE_CLASS = env.text("STORE_ARCHIVE_CLASS", "STANDARD_IA" if env.text("STORE_URL").startswith(("s3:", "r2:")) else "")
ACCESS_EXPORT_DAYS = env.number("ACCESS_EXPORT_DAYS", 7)
EXPORT_DAYS = env.number("EXPORT_DAYS", 7)
STORE_PRICES = env.prices("STORE_PRICES")
STORE_CURRENCY = env.text("STORE_CURRENCY", "USD")
EDGE_POLL_SECONDS = env.number("EDGE_POLL_SECONDS", 60)
WEBHOOK_NETS = env.words("WEBHOOK_NETS")
EDGE_MIRROR = env.flag("EDGE_MIRROR", default=True)

# collecting people's images
COLLECTORS: dict[str, Any] = {
    "user_agent": f"command-centre/0.1 ({PUBLIC_URL})",
    "wikidata_url": env.text("WIKIDATA_URL", "https://www.wikidata.org/w/api.php"),
    "wikidata_query_url": env.text("WIKIDATA_QUERY_URL", "https://query.wikidata.org/sparql"),
    "commons_url": env.text("COMMONS_URL", "https://commons.wikimedia.org/w/api.php"),
    "serp_url": env.text("SERP_URL", "https://serpapi.com/search.json"),
    "serp_api_key": env.text("SERP_API_KEY"),
    "serp_price": env.text("SERP_PRICE", "0.015"),
    "nets": env.words("COLLECTOR_NETS"),
    "backoff_seconds": env.number("COLLECTOR_BACKOFF_SECONDS", 2),
}

# language and time
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English")]
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = VAR / "static"
STATIC_ROOT.mkdir(exist_ok=True)
WHITENOISE_USE_FINDERS = True

ACCENT = {
    "50": "96.5% .017",
    "100": "93% .034",
    "200": "87% .065",
    "300": "78.5% .115",
    "400": "68% .16",
    "500": "60% .19",
    "600": "44.8% .19",
    "700": "38.5% .165",
    "800": "33% .14",
    "900": "29% .115",
    "950": "22% .08",
}
"""The portal's accent (static/css/tokens.css), from light to dark, for the pages of upkeep."""
UNFOLD = {
    "SITE_TITLE": "Command Centre, upkeep",
    "SITE_HEADER": "Command Centre",
    "SITE_SUBHEADER": "Upkeep",
    "SITE_SYMBOL": "sync",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": f"{STATIC_URL}img/icon.svg"}],
    "STYLES": [f"{STATIC_URL}css/upkeep.css"],
    "COLORS": {"primary": {shade: f"oklch({tone} 277)" for shade, tone in ACCENT.items()}},
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.api.authentication.KeyAuthentication",
        "accounts.api.authentication.PersonAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.api.permissions.PolicyPermission"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["core.json_body.JSONBody"],
    "DEFAULT_SCHEMA_CLASS": "config.openapi.Described",
    "EXCEPTION_HANDLER": "core.problems.drf_exception_handler",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Command Centre",
    "DESCRIPTION": "The hub of the learning loop for cameras at the edge.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "POSTPROCESSING_HOOKS": ["config.openapi.describe"],
    "SERVE_INCLUDE_SCHEMA": False,
    "ENABLE_DJANGO_DEPLOY_CHECK": False,  # a test holds the document against every operation
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

from config import logging as _logging  # noqa: E402  (needs nothing above, read last)

LOGGING = _logging.with_requests(_logging.LOGGING) if env.flag("LOG_REQUESTS") else _logging.LOGGING
_logging.configure_structlog(debug=DEBUG)
