"""Services by URL: each function turns one URL into the settings Django and Celery want."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from core import file_queue

STORES = {"s3": "core.s3_store.S3Store", "r2": "core.s3_store.S3Store", "gs": "core.gcs_store.GcsStore"}


def database(url: str, var: Path) -> dict[str, Any]:
    """Answer DATABASES["default"] for postgres://…, sqlite:///path, or "" (SQLite below var)."""
    parts = urlsplit(url or f"sqlite:///{var / 'hub.sqlite3'}")
    if parts.scheme == "sqlite":
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": parts.path.removeprefix("/") if parts.path.startswith("//") else parts.path,
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
            },
            "TEST": {"NAME": str(var / "test.sqlite3")},
        }
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ValueError(f"DATABASE_URL must start with postgres:// or sqlite://, not {parts.scheme}://")
    return {
        "ENGINE": "core.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"prepare_threshold": 5, "options": "-c plan_cache_mode=force_generic_plan -c jit=off"},
    }


def object_store(url: str, public_url: str, hub_url: str, var: Path, secret: str) -> dict[str, Any]:
    """Answer STORAGES["objects"] for s3://KEY:SECRET@bucket?endpoint=…&region=…, r2://…, gs://…, file:///path, or "" (below var)."""
    parts = urlsplit(url or f"file://{var / 'store'}")
    if parts.scheme == "file":
        options = {"location": parts.path, "public_url": public_url or hub_url, "secret": secret}
        return {"BACKEND": "core.file_store.FileStore", "OPTIONS": options}
    if parts.scheme not in STORES:
        raise ValueError(f"STORE_URL must start with s3://, r2://, gs:// or file://, not {parts.scheme}://")
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    return {
        "BACKEND": STORES[parts.scheme],
        "OPTIONS": {
            "scheme": parts.scheme,
            "bucket_name": parts.netloc.rpartition("@")[2],
            "access_key": unquote(parts.username or ""),
            "secret_key": unquote(parts.password or ""),
            "endpoint_url": query.get("endpoint"),
            "region_name": query.get("region", "us-east-1"),
            "addressing_style": query.get("style", "path"),
            "signature_version": "s3v4",
            "public_endpoint": public_url,
        },
    }


def object_stores(url: str, read_url: str, *place: Any) -> dict[str, Any]:
    """Answer STORAGES of the object store: "objects", and "objects-read" by the key that can only read, where there is one."""
    found = {"objects": object_store(url, *place)}
    if read_url:
        found["objects-read"] = object_store(read_url, *place)
        names = {made["OPTIONS"].get("bucket_name") or made["OPTIONS"]["location"] for made in found.values()}
        if len(names) > 1:
            raise ValueError("STORE_READ_URL must name the same bucket or folder as STORE_URL.")
    return found


def broker(url: str, var: Path) -> dict[str, Any]:
    """Answer Celery's broker settings for redis://… or "" (a folder below var)."""
    if url:
        return {"broker_url": url, "broker_transport_options": {"visibility_timeout": 3600, "socket_connect_timeout": 3}}
    folder = var / "queue"
    for name in ("messages", "control"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    options = {
        "data_folder_in": str(folder / "messages"),
        "data_folder_out": str(folder / "messages"),
        "control_folder": str(folder / "control"),
        "polling_interval": 0.2,
    }
    return {"broker_url": f"{file_queue.NAME}://", "broker_transport_options": options}


def oidc(issuer: str, client: str, secret: str, name: str) -> dict[str, Any]:
    """Answer allauth's providers: the organization's own log-in by OpenID Connect, or none where no issuer is named."""
    if not issuer:
        return {}
    app = {"provider_id": "oidc", "name": name, "client_id": client, "secret": secret}
    return {"openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": [{**app, "settings": {"server_url": issuer}}]}}
