"""Every setting that the environment may hold, once: docs/settings.md is written from here, and checks and doctor ask here."""

from dataclasses import dataclass
from pathlib import Path

FILE = Path("docs") / "settings.md"
HEAD = """\
# Settings

All come from the environment; `NAME_FILE` names a file that holds the value instead. Without any, the hub runs embedded, below `var/`.
Written from `config/reference.py` by `manage.py settings`.

| name | default | what |
| --- | --- | --- |
"""


@dataclass(frozen=True)
class Setting:
    """One setting, or several of one kind: names, the default in words, what it does."""

    names: tuple[str, ...]
    default: str
    what: str


def page() -> str:
    """Answer what docs/settings.md holds."""
    rows = [f"| {', '.join(f'`{name}`' for name in row.names)} | {row.default} | {row.what} |" for row in SETTINGS]
    return HEAD + "\n".join(rows) + "\n"


def names() -> set[str]:
    """Answer the names of all settings."""
    return {name for row in SETTINGS for name in row.names}


SETTINGS = (
    Setting(
        ("PUBLIC_URL",),
        "`http://127.0.0.1:8000`",
        "where people and machines reach the hub; with https, cookies and HSTS follow",
    ),
    Setting(("ALLOWED_HOSTS",), "loopback names", "host names the web answers to, separated by commas"),
    Setting(("DATABASE_URL",), "SQLite below `var/`", "`postgres://user:password@host:port/name`"),
    Setting(("REDIS_URL",), "files below `var/queue`", "`redis://host:port/0`: queue and cache"),
    Setting(
        ("STORE_URL",),
        "`var/store`",
        "`s3://KEY:SECRET@bucket?endpoint=https://…&region=…` (`r2://` too), `gs://HMACKEY:SECRET@bucket`, or `file:///folder`; see [storage](storage.md)",
    ),
    Setting(
        ("STORE_READ_URL",),
        "`STORE_URL`",
        "the same bucket by a key that can only read: what addresses for training are signed with",
    ),
    Setting(("STORE_PUBLIC_URL",), "the store's endpoint, or the hub", "what object URLs are signed for"),
    Setting(
        ("STORE_ALLOW_OVERWRITE",),
        "`false`",
        "take uploads although the store lets an object be overwritten; nothing else is forgiven",
    ),
    Setting(("SECRET_KEY",), "made on first run in `var/secret`", "signs sessions, leases and the file store's URLs"),
    Setting(("VAR_DIR",), "`var`", "where the embedded hub keeps everything"),
    Setting(("TRUST_DIR",), "`var/trust`", "the signing keys"),
    Setting(("TRUST_KEY_PASSWORD",), "none", "opens keys below it that were encrypted, as by `openssl pkey -aes256`"),
    Setting(("APPROVAL_FOUR_EYES",), "`true`", "who asked for a model cannot approve it"),
    Setting(("UPLOAD_MAX_BYTES", "UPLOAD_MAX_PIXELS"), "20 MiB, 50,000,000", "bounds of one object"),
    Setting(("UPLOAD_MAX_ARCHIVE_BYTES",), "50 GiB", "the largest archive or video that comes in parts"),
    Setting(("DECODERS",), "the cores, 4 at most", "how many processes of each worker decode images"),
    Setting(
        ("STORE_ARCHIVE_CLASS",),
        "`STANDARD_IA` on S3",
        "the class that old images move to; one that is read at once. Empty: nothing moves",
    ),
    Setting(
        ("STORE_PRICES",),
        "none",
        "what a GiB costs a month in each storage class, like `STANDARD=0.023,STANDARD_IA=0.0125`; objects of no named class are `STANDARD`. Without it no cost is shown",
    ),
    Setting(("STORE_CURRENCY",), "`USD`", "the currency of these prices"),
    Setting(("ACCESS_EXPORT_DAYS",), "7", "how long the file of an access export can be fetched"),
    Setting(("EXPORT_DAYS",), "7", "how long the file of a dataset's export can be fetched"),
    Setting(("LEASE_MINUTES",), "10", "how long a sample is a person's own"),
    Setting(("RUN_LOST_SECONDS",), "30", "a run whose worker is silent for so long is given to another"),
    Setting(
        ("EDGE_POLL_SECONDS",),
        "60",
        "how often an edge asks; less often while more than 2,000 edges a second of it are on their way to another version",
    ),
    Setting(
        ("EDGE_MIRROR",), "`true`", "polls with nothing new are answered from memory, which is read anew every two seconds"
    ),
    Setting(
        ("WEBHOOK_NETS",),
        "none",
        "private networks that webhooks of the hub itself may call into, in CIDR, separated by commas; an organization's are set by `allowcallbacks`",
    ),
    Setting(("MODEL_MAX_BYTES",), "200 MiB", "the largest model that is registered from elsewhere"),
    Setting(
        ("MODEL_CHECK_SECONDS", "MODEL_CHECK_MEMORY_MB"), "120, 4,096", "what the program that looks at such a model may use"
    ),
    Setting(
        ("RUN_MEMORY_MB",),
        "0",
        "what a run's processes may hold together, unless its job asks for less or more (`memory_limit_mb`); 0 is no limit",
    ),
    Setting(("RUN_DISK_MB",), "20000", "what a run may write into its folder; 0 is no limit"),
    Setting(
        ("WIKIDATA_URL", "WIKIDATA_QUERY_URL", "COMMONS_URL"),
        "the public services",
        "where collections ask for people and images",
    ),
    Setting(
        ("SERP_API_KEY", "SERP_URL"),
        "none, SerpApi's",
        "the paid image search of collections; without a key they do without it",
    ),
    Setting(("SERP_PRICE",), "0.015", "what one paid search is counted as, in the account's currency"),
    Setting(
        ("COLLECTOR_NETS",), "none", "private networks that collections may fetch from (a mirror), in CIDR, separated by commas"
    ),
    Setting(
        ("COLLECTOR_BACKOFF_SECONDS",),
        "2",
        "the first wait before a service is asked again; doubled each time, a service's own Retry-After goes before",
    ),
    Setting(
        ("WEB_HOSTS",),
        "1",
        "on how many machines web processes run; with more than one the parts of a single machine are refused",
    ),
    Setting(
        ("SECRET_KEY_FALLBACKS",),
        "none",
        "former values, separated by commas: what they signed or encrypted (second factors) is still read",
    ),
    Setting(
        ("MFA_REQUIRED_FOR_SUPER_ADMINS",),
        "`false`",
        "a super admin without a second factor can set one up and do nothing else, in pages, admin and API sessions; see [access](access.md)",
    ),
    Setting(
        ("OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET", "OIDC_NAME"),
        "none",
        "the organization's own log-in by OpenID Connect; its redirect address is `PUBLIC_URL/accounts/oidc/oidc/login/callback/`",
    ),
    Setting(
        ("TRUSTED_PROXIES",),
        "0",
        "how many proxies in front each add to X-Forwarded-For; limits on log-ins go by the address before them (`cc.W009` where it is missing)",
    ),
    Setting(
        ("LEDGER_DIR",),
        "none",
        "a folder on another disk that keeps the ledger of erasures a second time ([operations](operations.md))",
    ),
    Setting(("METRICS_TOKEN",), "none", "the bearer that reads `/metrics`; without it only this machine may"),
    Setting(("LOG_REQUESTS",), "`false`", "a line in the log for each request and each task"),
    Setting(("DEBUG",), "`false`", "Django's debug mode; never in production"),
)
