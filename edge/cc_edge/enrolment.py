"""Become an edge server: make a secret, trade the one-time code for a number, and take the root that was announced."""

import hashlib
import json
import platform
import secrets

from cc_edge import __version__
from cc_edge.bundle import this_platform
from cc_edge.errors import Misconfigured, Unfit
from cc_edge.home import Home, write_durably
from cc_edge.hub import Hub

MOST_ROOT_BYTES = 512_000


def enrol(home: Home, hub: Hub, *, code: str, root_sha256: str, name: str) -> int:
    """Enrol this folder and answer the edge server's number; again with the same code is the same. Raises Unfit for another root."""
    home.prepare()
    key = _own_key(home)
    body = {
        "code": code.strip(),
        "key_prefix": key.split("_")[1],
        "key_sha256": hashlib.sha256(key.encode()).hexdigest(),
        "name": name,
        "platform": {
            "platform": this_platform(),
            "python": platform.python_version(),
            "hostname": platform.node(),
            "edge_version": __version__,
        },
    }
    answer = hub.post("edge/enrol", body)
    with Hub(hub.url, key, tries=hub.tries, stop=hub.stop) as own:
        root = _announced_root(own, answer, root_sha256)
    write_durably(home.root_file, root)
    identity = {"hub": hub.url, "name": name, "edge_server_id": answer["edge_server_id"]}
    write_durably(home.identity_file, (json.dumps(identity, indent=1) + "\n").encode())
    return int(answer["edge_server_id"])


def _own_key(home: Home) -> str:
    """Answer this folder's secret, made and written before anyone hears its hash."""
    if not home.key_file.exists():
        key = f"cc_{secrets.token_hex(6)}_{secrets.token_urlsafe(32)}"
        write_durably(home.key_file, f"{key}\n".encode(), mode=0o600)
    return home.key()


def _announced_root(hub: Hub, answer: dict[str, object], sha256: str) -> bytes:
    """Fetch the root the answer speaks of, byte for byte; raises Unfit unless it is the one announced."""
    try:
        version = int(answer["trust_root"]["signed"]["version"])  # type: ignore[index]  # JSON, checked right here
    except (KeyError, TypeError, ValueError) as error:
        raise Misconfigured("The hub's answer to the enrolment names no root.") from error
    root = hub.get_bounded(f"edge/trust/{version}.root.json", most=MOST_ROOT_BYTES, headers={}).content
    if hashlib.sha256(root).hexdigest() != sha256.strip().lower():
        raise Unfit("The hub shows another root of trust than the one announced for it; this edge does not enrol.")
    return root
