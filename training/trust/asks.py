"""What a signing request changes, as rows that a page and a command can say: {act, role, …}."""

from collections.abc import Iterator, Mapping
from typing import Any

from tuf.api.metadata import Metadata, Root, Targets

from training.models.trust import TrustRole
from training.trust.documents import TOP_LEVEL
from training.trust.keys import name_of

MOST_ASKS = 2_000


def described(
    chosen: Mapping[str, Metadata[Any]], published: Mapping[str, Metadata[Targets]], root: Root | None
) -> list[dict[str, Any]]:
    """Answer what changes from what is published to what is chosen; a document that merely lives on is a row, too."""
    asks: list[dict[str, Any]] = []
    for role, document in chosen.items():
        if role == TrustRole.ROOT:
            found = list(_keys(document.signed, root))
        else:
            before = published[role].signed if role in published else None
            found = list(_files(role, document.signed, before))
        asks += found or [{"act": "renew", "role": role}]
        asks[-1]["until"] = f"{document.signed.expires:%Y-%m-%d}"
    return asks[:MOST_ASKS]


def _keys(root: Root, before: Root | None) -> Iterator[dict[str, Any]]:
    for role in TOP_LEVEL:
        now, then = root.roles[role], before.roles[role] if before else None
        if then is None or (set(now.keyids), now.threshold) != (set(then.keyids), then.threshold):
            names = [name_of(root.keys[keyid]) for keyid in now.keyids]
            yield {"act": "keys", "role": role.value, "names": names, "threshold": now.threshold}


def _files(role: str, targets: Targets, before: Targets | None) -> Iterator[dict[str, Any]]:
    then = before.targets if before else {}
    for path, file in targets.targets.items():
        if path not in then:
            yield {"act": "add", "role": role, "path": path, "length": file.length, "sha256": file.hashes["sha256"]}
    for path in then.keys() - targets.targets.keys():
        yield {"act": "remove", "role": role, "path": path}
    if before is not None and _assigns(targets) != _assigns(before):
        yield {"act": "keys", "role": TrustRole.ASSIGNMENTS.value, "names": _assigns(targets), "threshold": 1}


def _assigns(targets: Targets) -> list[str]:
    if targets.delegations is None:
        return []
    return [keyid[:12] for keyid in targets.get_delegated_role(TrustRole.ASSIGNMENTS).keyids]
