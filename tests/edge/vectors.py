"""Writes docs/edge-vectors anew: `python -m tests.edge.vectors`. Good and bad documents with the verdict an agent must come to.

Keys are made for the occasion and forgotten. What is good expires in a hundred years, what has expired did so long ago, so that the
files stay as they are and any agent, at any time, can be held against them.
"""

import json
import shutil
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Metadata,
    MetaFile,
    Root,
    Signed,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

FOLDER = Path(__file__).parents[2] / "docs" / "edge-vectors"
ROLES = ("root", "targets", "snapshot", "timestamp", "assignments", "stranger")
FAR, PAST = datetime(2126, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
PATH, CONTENT = "digits/1.0.0.zip", b"the bundle"
EDGE, LOWEST = 3, 100


@dataclass
class Vector:
    """`repositories` are met one after the other, each by an agent that has seen the one before; `assignment` with the last."""

    name: str
    verdict: str
    because: str
    repositories: list[str] = field(default_factory=lambda: ["good"])
    assignment: str = "good"
    edge_server_id: int = EDGE
    lowest_counter: int = LOWEST


class Signers:
    """One key a role."""

    def __init__(self) -> None:
        self.of = {role: CryptoSigner.generate_ed25519() for role in ROLES}

    def signed(self, part: Signed, by: str) -> bytes:
        document: Metadata[Any] = Metadata(part)
        document.sign(self.of[by])
        return document.to_bytes()

    def root(self) -> bytes:
        root = Root(expires=FAR, consistent_snapshot=True)
        for role in ROLES[:4]:
            root.add_key(self.of[role].public_key, role)
        return self.signed(root, "root")

    def repository(
        self, version: int, *, by: dict[str, str] | None = None, expires: datetime = FAR, snapshot: int = 0
    ) -> dict[str, bytes]:
        """Answer the files of a repository; `by` has others sign, `snapshot` has the timestamp name another one than is there."""
        signer = {role: role for role in ROLES} | (by or {})
        key = self.of["assignments"].public_key
        online = DelegatedRole("assignments", [key.keyid], 1, terminating=True, paths=[])
        released = {PATH: TargetFile.from_data(PATH, CONTENT, ["sha256"])}
        delegated = Delegations({key.keyid: key}, {"assignments": online})
        targets = Targets(version, expires=FAR, targets=released, delegations=delegated)
        listed = Snapshot(version, expires=FAR, meta={"targets.json": MetaFile(version)})
        fresh = Timestamp(version, expires=expires, snapshot_meta=MetaFile(snapshot or version))
        return {
            f"{version}.targets.json": self.signed(targets, signer["targets"]),
            f"{snapshot or version}.snapshot.json": self.signed(listed, signer["snapshot"]),
            "timestamp.json": self.signed(fresh, signer["timestamp"]),
        }

    def assignment(
        self, *, by: str = "assignments", expires: datetime = FAR, counter: int = 101, edge: Any = EDGE, **custom: Any
    ) -> bytes:
        """Sign an assignment of one file; `path` and `content` name another one, all else goes into its `custom`."""
        path = custom.pop("path", PATH)
        target = TargetFile.from_data(path, custom.pop("content", CONTENT), ["sha256"])
        known = {"module": "digits", "version": "1.0.0", "deployment": "0197-d", "attempt": 1, "action": "install"}
        target.unrecognized_fields["custom"] = known | custom
        part = Targets(counter, expires=expires, targets={path: target})
        part.unrecognized_fields["edge_server_id"] = edge
        return self.signed(part, by)


def repositories(keys: Signers) -> dict[str, dict[str, bytes]]:
    good = keys.repository(2)
    return {
        "good": good,
        "older": keys.repository(1),
        "expired": keys.repository(3, expires=PAST),
        "online-key": keys.repository(3, by={"targets": "assignments"}),
        "stranger": keys.repository(3, by={"timestamp": "stranger"}),
        "mixed": keys.repository(3, snapshot=4),
        "truncated": good | {"timestamp.json": good["timestamp.json"][:-40]},
        "endless": good | {"timestamp.json": good["timestamp.json"] + b" " * 20_000},
    }


def assignments(keys: Signers) -> dict[str, bytes]:
    good = keys.assignment()
    return {
        "good": good,
        "by-the-release-key": keys.assignment(by="targets"),
        "by-a-stranger": keys.assignment(by="stranger"),
        "one-byte-changed": good.replace(b"1.0.0", b"9.0.0"),
        "truncated": good[: len(good) // 2],
        "no-document": b"[]",
        "of-another-edge": keys.assignment(edge=EDGE + 1),
        "number-as-text": keys.assignment(edge=str(EDGE)),
        "expired": keys.assignment(expires=PAST),
        "replayed": keys.assignment(counter=LOWEST - 1),
        "never-released": keys.assignment(path="digits/6.6.6.zip"),
        "another-content": keys.assignment(content=b"other text"),
        "another-length": keys.assignment(content=b"longer than the bundle"),
        "module-is-a-path": keys.assignment(module="../digits"),
        "deployment-is-a-path": keys.assignment(deployment="../../admin"),
        "attempt-as-text": keys.assignment(attempt="1"),
        "unknown-action": keys.assignment(action="explode"),
    }


VECTORS = [
    Vector("good", "accepted", "Every signature leads to the root; repository and assignment name the same file."),
    Vector("good-again", "accepted", "The same counter once more is what every later poll shows.", lowest_counter=101),
    Vector("newer-repository", "accepted", "A repository may move on.", ["older", "good"]),
    Vector("rollback", "refused", "An older timestamp after a newer one.", ["good", "older"]),
    Vector("freeze", "waits", "The timestamp has expired: nothing is installed until the hub signs again.", ["expired"]),
    Vector("stolen-online-key", "refused", "The online key signed the list of released files.", ["online-key"]),
    Vector("wrong-key", "refused", "A key that the root does not name signed the timestamp.", ["stranger"]),
    Vector("mix-and-match", "refused", "The snapshot is another one than the timestamp names.", ["mixed"]),
    Vector("truncated-timestamp", "refused", "It ends in the middle.", ["truncated"]),
    Vector("endless-timestamp", "refused", "It is longer than any timestamp is.", ["endless"]),
    Vector("assigned-by-the-release-key", "refused", "Only the key of assignments assigns.", assignment="by-the-release-key"),
    Vector("assigned-by-a-stranger", "refused", "Nobody delegated to this key.", assignment="by-a-stranger"),
    Vector("one-byte-changed", "refused", "The signature is not of these bytes.", assignment="one-byte-changed"),
    Vector("truncated", "refused", "It ends in the middle.", assignment="truncated"),
    Vector("no-document", "refused", "It is JSON, and no signed document.", assignment="no-document"),
    Vector("of-another-edge", "refused", "It names another edge server.", assignment="of-another-edge"),
    Vector("number-as-text", "refused", "edge_server_id is a number.", assignment="number-as-text"),
    Vector("expired", "refused", "It has expired.", assignment="expired"),
    Vector("replayed", "refused", "Its counter is below one that was seen.", assignment="replayed"),
    Vector("never-released", "refused", "The repository does not list this file.", assignment="never-released"),
    Vector("another-content", "refused", "It was released with another hash.", assignment="another-content"),
    Vector("another-length", "refused", "It was released with another length.", assignment="another-length"),
    Vector("module-is-a-path", "refused", "A module's name is no path.", assignment="module-is-a-path"),
    Vector("deployment-is-a-path", "refused", "A deployment's id is no path.", assignment="deployment-is-a-path"),
    Vector("attempt-as-text", "refused", "attempt is a number.", assignment="attempt-as-text"),
    Vector("unknown-action", "refused", "install and rollback are all there is.", assignment="unknown-action"),
]


def main() -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    keys = Signers()
    files = {"1.root.json": keys.root()}
    files |= {f"repositories/{name}/{file}": body for name, there in repositories(keys).items() for file, body in there.items()}
    files |= {f"assignments/{name}.json": body for name, body in assignments(keys).items()}
    table = {"path": PATH, "vectors": [asdict(vector) for vector in VECTORS]}
    files["vectors.json"] = (json.dumps(table, indent=1) + "\n").encode()
    for name, body in files.items():
        (FOLDER / name).parent.mkdir(parents=True, exist_ok=True)
        (FOLDER / name).write_bytes(body)


if __name__ == "__main__":
    main()
