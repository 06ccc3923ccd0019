"""Reading settings from the environment; `NAME_FILE` names a file that holds the value (for secrets)."""

import os
from decimal import Decimal, InvalidOperation
from pathlib import Path


def text(name: str, default: str = "") -> str:
    """Answer NAME, or the content of the file that NAME_FILE names, or `default`."""
    if path := os.environ.get(f"{name}_FILE"):
        return Path(path).read_text().strip()
    return os.environ.get(name, default)


def flag(name: str, *, default: bool = False) -> bool:
    """Answer NAME as a truth value: 1, true, yes, on."""
    value = text(name)
    return value.lower() in {"1", "true", "yes", "on"} if value else default


def number(name: str, default: int) -> int:
    """Answer NAME as a whole number; raises ValueError that names it."""
    value = text(name)
    try:
        return int(value) if value else default
    except ValueError as error:
        raise ValueError(f"{name} must be a whole number, not {value!r}") from error


def words(name: str, default: str = "") -> list[str]:
    """Answer NAME split at commas."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def prices(name: str) -> dict[str, Decimal]:
    """Answer NAME, like "STANDARD=0.023,STANDARD_IA=0.0125", as class → price; raises ValueError that names it."""
    pairs = [word.partition("=") for word in words(name)]
    try:
        table = {key.strip(): Decimal(value.strip()) for key, _, value in pairs}
    except InvalidOperation as error:
        raise ValueError(f"{name} must be like CLASS=0.023,CLASS=0.01") from error
    if any(not price.is_finite() or price < 0 for price in table.values()):
        raise ValueError(f"{name} holds prices, which are not below nought")
    return table


def secret(name: str, path: Path) -> str:
    """Answer NAME, or a secret made on first run and kept at `path`, readable by the owner only."""
    if value := text(name):
        return value
    if not path.exists():
        import secrets

        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_suffix(f".{os.getpid()}")
        scratch.touch(mode=0o600)
        scratch.write_text(secrets.token_urlsafe(48))
        try:
            os.link(scratch, path)
        except FileExistsError:  # another process made it first
            pass
        finally:
            scratch.unlink()
    return path.read_text()
