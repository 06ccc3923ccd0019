"""What a key holder does, on a machine that needs no network: make a key, see what a hub asks to have signed, sign it.

The file to sign brings the documents in force along. They are believed only as far as signatures lead: from the root this key
saw last (kept beside it) to the root in force, and from that to the lists of released files.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from cc_edge.errors import Misconfigured, Unfit
from cc_edge.home import write_durably

try:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from securesystemslib.signer import CryptoSigner, Key
    from tuf.api.metadata import TOP_LEVEL_ROLE_NAMES, Metadata, Root, Targets
except ImportError as error:
    raise Misconfigured("Install command-centre-edge[run] to sign.") from error

FORMAT = "command-centre signing request 1"
MOST_BYTES = 32 << 20
LONGEST_ASKED = timedelta(days=180)
LONGEST_LIFE = {"root": timedelta(days=731), "list": timedelta(days=181)}
LONGEST_NAME = 80
ASSIGNS = "assignments"


@dataclass
class Asked:
    """What is asked: the next documents and those in force, by role, and who may sign which."""

    number: int
    facts: dict[str, Any]
    documents: dict[str, Metadata[Any]]
    before: dict[str, Metadata[Any]]
    roots: list[bytes] = field(default_factory=list)

    @property
    def root_before(self) -> Root | None:
        """The root in force, None where there is none yet."""
        return Metadata[Root].from_bytes(self.roots[-1]).signed if self.roots else None

    @property
    def root(self) -> Root:
        """The root that will be in force."""
        found = self.documents["root"].signed if "root" in self.documents else self.root_before
        if not isinstance(found, Root):
            raise Unfit("The file holds no root of trust.")
        return found

    def delegators(self, role: str) -> list[Root | Targets]:
        """Answer whose word counts on who signs for `role`; a next root needs the word of today's, too."""
        if role == "root":
            return [one for one in (self.root_before, self.root) if one is not None]
        if role == "targets":
            return [self.root]
        lists = self.documents.get("targets") or self.before["targets"]
        return [cast(Targets, lists.signed)]


def make_key(path: Path, name: str) -> dict[str, Any]:
    """Write a new private key, and beside it the public one that goes to the hub; answers that. Never writes over a file."""
    if not 0 < len(name.strip()) <= LONGEST_NAME:
        raise Misconfigured(f"Say whose key it is, in 1 to {LONGEST_NAME} characters.")
    signer = CryptoSigner.generate_ed25519()
    public = {"keyid": signer.public_key.keyid, **signer.public_key.to_dict(), "name": name.strip()}
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise Misconfigured(f"{path} is there already; a key is never written over.") from error
    with os.fdopen(descriptor, "wb") as out:
        out.write(signer.private_bytes)
        out.flush()
        os.fsync(out.fileno())
    write_durably(path.with_name(f"{path.name}.pub"), (json.dumps(public, indent=1) + "\n").encode())
    return public


def read_request(file: Path) -> Asked:
    """Read a file to sign, and follow its signatures; raises Unfit with a sentence for whatever is not as it must be."""
    try:
        content = file.read_bytes() if file.stat().st_size <= MOST_BYTES else b""
        facts = json.loads(content)
        if facts["format"] != FORMAT:
            raise ValueError(FORMAT)  # noqa: TRY301  # the same sentence
        asked = Asked(
            int(facts["request"]),
            facts,
            {str(role): Metadata.from_dict(json.loads(json.dumps(one))) for role, one in facts["documents"].items()},
            {str(role): Metadata.from_dict(json.loads(json.dumps(one))) for role, one in facts["before"].items()},
            [json.dumps(root).encode() for root in facts["roots"]],
        )
    except OSError as error:
        raise Misconfigured(f"{file} cannot be read: {error.strerror}.") from error
    except Exception as error:  # whatever a foreign file makes the library raise
        raise Unfit(f"{file} is no file to sign that a hub wrote.") from error
    _check(asked)
    return asked


def sign(asked: Asked, key: Path, *, password: bytes | None = None) -> dict[str, Any]:
    """Add this key's signatures to the file's facts; answers {roles, standing by role}. Raises Unfit where it is not asked."""
    signer = _private(key, password)
    keyid = signer.public_key.keyid
    _follow(asked, key)
    signed = []
    for role, document in asked.documents.items():
        if not any(keyid in one.get_delegated_role(role).keyids for one in asked.delegators(role)):
            continue
        if keyid in document.signatures:
            raise Unfit("This key has signed this file already.")
        document.sign(signer, append=True)
        asked.facts["documents"][role] = document.to_dict()
        signed.append(role)
    if not signed:
        raise Unfit(f"This key ({keyid[:12]}) is none of those that are asked to sign: {_names_asked(asked)}.")
    write_durably(_seen(key), asked.roots[-1] if asked.roots else asked.documents["root"].to_bytes())
    return {"request": asked.number, "signed": signed, "signatures": standing(asked)}


def standing(asked: Asked) -> dict[str, str]:
    """Answer signatures over needed ones for each document, "1/2"; of a next root the worse of the two counts."""
    found = {}
    for role, document in asked.documents.items():
        results = [
            one.get_verification_result(role, document.signed_bytes, document.signatures) for one in asked.delegators(role)
        ]
        worst = max(results, key=lambda result: result.threshold - len(result.signed))
        found[role] = f"{len(worst.signed)}/{worst.threshold}"
    return found


def sentences(asked: Asked) -> Iterator[str]:
    """Say what a signature lets happen, all of it."""
    for role, document in asked.documents.items():
        before = cast(Targets, asked.before[role].signed) if role in asked.before else None
        said = [*(_about_root(asked.root, asked.root_before) if role == "root" else _about_list(role, document.signed, before))]
        yield from said
        same = "" if said else ", nothing else changes"
        yield f"{role}: version {document.signed.version} is good until {document.signed.expires:%Y-%m-%d}{same}."


def _about_root(root: Root, before: Root | None) -> Iterator[str]:
    for role in sorted(TOP_LEVEL_ROLE_NAMES):
        now, then = _held(root, role), _held(before, role) if before else "nobody"
        if now != then:
            yield f"root: {role} is signed by {now}; until now by {then}."


def _about_list(role: str, listed: Targets, before: Targets | None) -> Iterator[str]:
    then = before.targets if before else {}
    for path, file in listed.targets.items():
        if path not in then:
            yield f"{role}: ADDS {path}, {file.length:,} bytes, SHA-256 {file.hashes.get('sha256')}."
        elif file != then[path]:
            raise Unfit(f"The file asks for another content of {path}, which was released before; that is never signed.")
    for path in sorted(then.keys() - listed.targets.keys()):
        yield f"{role}: REMOVES {path}."
    roles, roles_then = _delegated(listed), _delegated(before)
    for name in sorted(roles.keys() | roles_then.keys()):
        if roles.get(name) != roles_then.get(name):
            yield f"{role}: {name} is signed by {roles.get(name, 'nobody')}; until now by {roles_then.get(name, 'nobody')}."


def _delegated(listed: Targets | None) -> dict[str, str]:
    if listed is None or listed.delegations is None:
        return {}
    roles = listed.delegations.roles or {}
    return {name: f"{_held(listed, name)}, for {', '.join(role.paths or []) or 'no file'}" for name, role in roles.items()}


def _held(delegator: Root | Targets, role: str) -> str:
    named = delegator.get_delegated_role(role)
    return f"{named.threshold} of {', '.join(sorted(_name(delegator.get_key(keyid)) for keyid in named.keyids))}"


def _name(key: Key) -> str:
    name = key.unrecognized_fields.get("name")
    return f"{name} ({key.keyid[:12]})" if isinstance(name, str) else key.keyid[:12]


def _names_asked(asked: Asked) -> str:
    keys = {
        keyid: one.get_key(keyid)
        for role in asked.documents
        for one in asked.delegators(role)
        for keyid in one.get_delegated_role(role).keyids
    }
    return ", ".join(sorted(_name(key) for key in keys.values()))


def _check(asked: Asked) -> None:
    """Raise Unfit unless the documents in force are signed, and the next ones follow them by one and have their place."""
    if not asked.documents or (asked.roots and "targets" not in asked.before):
        raise Unfit("The file asks for nothing.")
    try:
        _check_in_force(asked)
        for role, document in asked.documents.items():
            before = asked.root_before if role == "root" else asked.before[role].signed if role in asked.before else None
            _check_next(role, document, before)
        list(sentences(asked))
    except Unfit:
        raise
    except Exception as error:  # whatever a foreign file makes the library raise
        raise Unfit(f"The documents in this file do not belong together: {error}") from error


def _check_in_force(asked: Asked) -> None:
    root = asked.root_before
    if root is None:
        return
    newest = Metadata[Root].from_bytes(asked.roots[-1])
    root.verify_delegate("root", newest.signed_bytes, newest.signatures)
    lists = asked.before["targets"]
    root.verify_delegate("targets", lists.signed_bytes, lists.signatures)
    for role, document in asked.before.items():
        if role != "targets":
            lists.signed.verify_delegate(role, document.signed_bytes, document.signatures)


def _follows(role: str, version: int, before: int) -> bool:
    """Tell whether a document's number is the next, or for a list one from the clock: Unix seconds of the last half year.

    A hub that was put back from a backup does not know what edges have seen, and goes by the clock.
    """
    now = datetime.now(UTC)
    is_of_clock = (now - LONGEST_ASKED).timestamp() < version < (now + timedelta(days=1)).timestamp()
    return version == before + 1 or (role != "root" and version > before and is_of_clock)


def _check_next(role: str, document: Metadata[Any], before: Any) -> None:
    signed = document.signed
    if not isinstance(signed, Root if role == "root" else Targets):
        raise Unfit(f"What the file calls {role} is a document of another kind.")
    if not _follows(role, signed.version, before.version if before else 0):
        raise Unfit(f"{role} version {signed.version} does not follow the one in force.")
    if signed.expires > datetime.now(UTC) + LONGEST_LIFE["root" if role == "root" else "list"]:
        raise Unfit(f"{role} would be good until {signed.expires:%Y-%m-%d}, which is longer than the house allows.")
    if isinstance(signed, Targets):
        _check_place(role, signed)


def _check_place(role: str, listed: Targets) -> None:
    """Raise Unfit where a list names files of others, or lets others name any."""
    own = role if role != "targets" else ""
    for path in listed.targets:
        owner = path.partition("/")[0]
        if (owner != own) if own else owner.startswith("org-"):
            raise Unfit(f"{path} has no place in the list {role}.")
    delegations = listed.delegations
    for name, delegated in ((delegations.roles if delegations else None) or {}).items():
        beyond = [path for path in delegated.paths or () if not path.startswith(f"{name}/")]
        if own or delegated.path_hash_prefixes or beyond or (name == ASSIGNS and delegated.paths):
            raise Unfit(f"The list {role} would let {name} name files that are not its own; that is never signed.")


def root_sha256(asked: Asked) -> str:
    """Answer the hash of the root in force, as the hub's `trust status` prints it; "" where there is none yet."""
    return hashlib.sha256(Metadata[Root].from_bytes(asked.roots[-1]).to_bytes()).hexdigest() if asked.roots else ""


def knows_root(key: Path) -> bool:
    """Tell whether this key has signed before, so that another root would be noticed."""
    return _seen(key).exists()


def _follow(asked: Asked, key: Path) -> None:
    """Raise Unfit unless signatures lead from the root that this key saw last to the one in force."""
    if not _seen(key).exists():
        return
    known = Metadata[Root].from_bytes(_seen(key).read_bytes()).signed
    roots: Mapping[int, Metadata[Root]] = {one.signed.version: one for one in map(Metadata[Root].from_bytes, asked.roots)}
    if known.version not in roots or roots[known.version].signed != known:
        raise Unfit("This file follows another root of trust than the one this key knows.")
    try:
        for version in range(known.version + 1, max(roots) + 1):
            known.verify_delegate("root", roots[version].signed_bytes, roots[version].signatures)
            known = roots[version].signed
    except Exception as error:  # whatever a foreign file makes the library raise
        raise Unfit(f"No signatures lead from the root this key knows to the one in this file: {error}") from error


def _seen(key: Path) -> Path:
    return key.with_name(f"{key.name}.root.json")


def _private(key: Path, password: bytes | None) -> CryptoSigner:
    try:
        return CryptoSigner(cast(Ed25519PrivateKey, serialization.load_pem_private_key(key.read_bytes(), password)))
    except OSError as error:
        raise Misconfigured(f"{key} cannot be read: {error.strerror}.") from error
    except (ValueError, TypeError) as error:
        raise Misconfigured(f"{key} holds no private key that can be read: {error}") from error
