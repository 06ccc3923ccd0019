"""One spelling of a JSON value, so that its hash means the value and not its spelling."""

import hashlib
import json
from typing import Any

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def canonical_json(value: Any) -> str:
    """Write `value` with sorted keys, no blanks and plain UTF-8; NaN and Infinity raise ValueError."""
    return _encode(value)


def canonical_sha256(value: Any) -> str:
    """Answer the hex SHA-256 of the canonical JSON of `value`."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()
