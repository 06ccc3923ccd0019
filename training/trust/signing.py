"""Asking for signatures, and taking them: the next documents await them together and are published together.

One request is open at a time. Whatever changes what is wanted opens another in its place; a document that stays the same keeps
the signatures it has.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from securesystemslib.signer import Key, Signature
from tuf.api.metadata import DelegatedRole, Delegations, Metadata, Root, Signed, TargetFile, Targets

from accounts.models import User
from core.errors import Conflict, Invalid, Refused
from training.models.trust import ORGANIZATION, SigningRequest, SigningState, TrustRole
from training.trust import documents, online
from training.trust.asks import described
from training.trust.documents import LIFE, life_of
from training.trust.keys import Signers, name_of

FORMAT = "command-centre signing request 1"
MOST_BYTES = 32 << 20

Waiting = Mapping[str, Metadata[Any]]


@dataclass(frozen=True)
class File:
    """A file that may be listed: hex SHA-256 and length in bytes."""

    sha256: str
    length: int


@dataclass(frozen=True)
class Standing:
    """How many of the needed signatures the open request has, by the document that lacks the most."""

    signed: int
    needed: int

    @property
    def is_complete(self) -> bool:
        """Tell whether it was published."""
        return self.signed >= self.needed

    def __str__(self) -> str:
        return f"{self.signed}/{self.needed}"


@dataclass(frozen=True)
class Wanted:
    """How many of which keys one document needs; `as_before` where it is today's root that must agree to the next."""

    role: str
    threshold: int
    keys: Mapping[str, Key]
    signed: frozenset[str]
    as_before: bool = False

    @property
    def is_met(self) -> bool:
        """Tell whether enough have signed."""
        return len(self.signed) >= self.threshold


def propose(
    files: Mapping[str, File] | None = None,
    *,
    without: Collection[str] = (),
    root: Root | None = None,
    assigns: Key | None = None,
    above: int = 0,
    by: User | None = None,
) -> SigningRequest | None:
    """Have the next lists await signatures: what is published, plus `files` (path → file; None: what awaits already), less `without`.

    `root` is the next root, `assigns` the next key that assigns; with neither those that await already. What is half through its
    life comes along; with `above` every list, under a higher number than that. Answers the open request, None where nothing has to be signed. Raises Conflict where a path has other content.
    """
    documents.lock()
    documents.newest(TrustRole.ROOT)  # what awaits its first signatures cannot be changed
    kept, now = documents.waiting(), timezone.now()
    next_root = root or _kept(kept, TrustRole.ROOT) or _renewed_root(now)
    wanted = _lists(
        next_root or documents.current(TrustRole.ROOT, Root), _all(files, without, kept), assigns, kept, now, above=above
    )
    chosen: dict[str, Metadata[Any]] = {role: _as_kept(kept, role, Metadata(signed), now) for role, signed in wanted.items()}
    if next_root is not None:
        chosen[TrustRole.ROOT] = _as_kept(kept, TrustRole.ROOT, Metadata(next_root), now)
    return reopen(chosen, kept, by=by)


def reopen(chosen: Waiting, kept: Waiting, *, by: User | None) -> SigningRequest | None:
    """Have `chosen` await signatures in place of `kept`; the same again stays the same request."""
    found = SigningRequest.objects.filter(state=SigningState.OPEN).first()
    same = chosen.keys() == kept.keys() and all(chosen[role].signed == kept[role].signed for role in chosen)
    if found is not None and same:
        return found
    if found is not None:
        found.move(SigningState.SUPERSEDED, closed_at=timezone.now())
    documents.replace_waiting(chosen)
    if not chosen:
        return None
    asks = described(chosen, documents.lists(), documents.current_root())
    carried = [
        entry for entry in (found.signed if found else ()) if entry["role"] in chosen and chosen[entry["role"]].signatures
    ]
    return SigningRequest.objects.create(asks=asks, signed=carried, asked_by=by)


def is_open() -> bool:
    """Tell whether anything awaits signatures."""
    return SigningRequest.objects.filter(state=SigningState.OPEN).exists()


def opened() -> SigningRequest:
    """Answer the open request; raises Conflict where there is none."""
    found = SigningRequest.objects.filter(state=SigningState.OPEN).first()
    if found is None:
        raise Conflict("Nothing awaits a signature.")
    return found


def wanted_signatures() -> list[Wanted]:
    """Answer what each document of the open request needs and has; raises Conflict where nothing is open."""
    opened()
    return _wanted(documents.waiting())


def standing() -> Standing:
    """Answer how far the signing of the open request is; raises Conflict where there is none."""
    return _standing(wanted_signatures())


def request_file() -> bytes:
    """Answer what a key holder takes along: the documents to sign, and those in force with every root, to see what changes."""
    request = opened()
    answer = {
        "format": FORMAT,
        "request": request.pk,
        "documents": {role: document.to_dict() for role, document in documents.waiting().items()},
        "before": {role: document.to_dict() for role, document in documents.lists().items()},
        "roots": documents.roots(),
    }
    return json.dumps(answer, indent=1).encode()


def sign_open(signers: Iterable[Any], at_hand: Signers) -> Standing:
    """Sign with private keys that are here whatever of the open request they may sign; raises Refused where that is nothing."""
    waiting = documents.waiting()
    opened()
    offered: dict[str, dict[str, Signature]] = {}
    for signer in signers:
        keyid = signer.public_key.keyid
        for wanted in _wanted(waiting):
            if keyid in wanted.keys and keyid not in wanted.signed:
                offered.setdefault(wanted.role, {})[keyid] = signer.sign(waiting[wanted.role].signed_bytes)
    return _take(waiting, offered, at_hand)


def admit(file: bytes, at_hand: Signers) -> Standing:
    """Take the signatures in a file that key holders brought back; with enough of them publish everything of the request.

    Only signatures over the very documents that await them, by keys that are asked, count: else Invalid or Refused.
    """
    documents.lock()
    request, offered = opened(), _read(file)
    waiting = documents.waiting()
    if offered.keys() - waiting.keys() or any(offered[role].signed_bytes != waiting[role].signed_bytes for role in offered):
        raise Refused(
            f"These signatures are over another document than those that await them ({request}); fetch the file to sign anew.",
            code="other_document",
        )
    return _take(waiting, {role: document.signatures for role, document in offered.items()}, at_hand)


def _take(waiting: Waiting, offered: Mapping[str, Mapping[str, Signature]], at_hand: Signers) -> Standing:
    """Add the signatures that count; publish where that is all."""
    new = []
    for wanted in _wanted(waiting):
        document = waiting[wanted.role]
        for keyid, signature in offered.get(wanted.role, {}).items():
            key = wanted.keys.get(keyid)
            if key is None or keyid in wanted.signed or not _is_valid(key, signature, document.signed_bytes):
                continue
            document.signatures[keyid] = signature
            new.append({"role": wanted.role, "keyid": keyid, "name": name_of(key), "at": timezone.now().isoformat()})
    if not new:
        raise Refused("There is no new signature of a key that is asked for one.", code="not_signed")
    request = opened()
    request.signed = [*request.signed, *{(entry["role"], entry["keyid"]): entry for entry in new}.values()]
    request.save(update_fields=["signed"])
    documents.replace_waiting(waiting)
    result = _wanted(waiting)
    if all(wanted.is_met for wanted in result):
        request.move(SigningState.PUBLISHED, closed_at=timezone.now())
        documents.publish_waiting()
        online.sign_fresh(at_hand, timezone.now())
    return _standing(result)


def _is_valid(key: Key, signature: Signature, content: bytes) -> bool:
    try:
        key.verify_signature(signature, content)
    except Exception:  # noqa: BLE001  # whatever a foreign file makes the library raise, it is no signature
        return False
    return True


def _wanted(waiting: Waiting) -> list[Wanted]:
    """Answer who must sign what: the next root those of today's and its own keys, a list those that the next root names."""
    today = documents.current_root()
    root: Root = _kept(waiting, TrustRole.ROOT) or documents.current(TrustRole.ROOT, Root)
    found = []
    for role, document in waiting.items():
        if role == TrustRole.ROOT and today is not None:
            found.append(_of(today, role, document, as_before=True))
            if _holders_of(today, role) == _holders_of(root, role):
                continue
        delegator: Root | Targets = root
        if documents.is_organization(role):
            delegator = _kept(waiting, TrustRole.TARGETS) or documents.current(TrustRole.TARGETS, Targets)
        found.append(_of(delegator, role, document))
    return found


def _of(delegator: Root | Targets, role: str, document: Metadata[Any], *, as_before: bool = False) -> Wanted:
    result = delegator.get_verification_result(role, document.signed_bytes, document.signatures)
    return Wanted(role, result.threshold, {**result.signed, **result.unsigned}, frozenset(result.signed), as_before)


def _holders_of(root: Root, role: str) -> tuple[int, frozenset[str]]:
    return root.roles[role].threshold, frozenset(root.roles[role].keyids)


def _standing(wanted: Iterable[Wanted]) -> Standing:
    worst = max(wanted, key=lambda one: (one.threshold - len(one.signed), one.threshold))
    return Standing(len(worst.signed), worst.threshold)


def _all(files: Mapping[str, File] | None, without: Collection[str], kept: Waiting) -> dict[str, TargetFile]:
    """Answer every file that is to be listed, wherever it is listed today."""
    published = {role: document.signed for role, document in documents.lists().items()}
    if files is None:
        awaited = {role: document.signed for role, document in kept.items() if isinstance(document.signed, Targets)}
        published |= awaited
    listed = {path: file for targets in published.values() for path, file in targets.targets.items()}
    for path, file in (files or {}).items():
        entry = TargetFile(file.length, {"sha256": file.sha256}, path)
        if listed.setdefault(path, entry) != entry:
            raise Conflict(f"{path} was released with other content; a released file is never changed.")
    return {path: file for path, file in listed.items() if path not in without}


def _lists(
    root: Root, files: Mapping[str, TargetFile], assigns: Key | None, kept: Waiting, now: datetime, *, above: int
) -> dict[str, Targets]:
    """Answer the lists that must be signed: those that change, those half through their life, and those of other keys by now."""
    published, due = documents.lists(), documents.due_lists(now)
    shared: dict[str, dict[str, TargetFile]] = {role: {} for role in published}
    for path, file in files.items():
        owner = path.partition("/")[0]
        shared.setdefault(owner if owner.startswith(ORGANIZATION) else TrustRole.TARGETS.value, {})[path] = file
    organizations = sorted(role for role in shared if documents.is_organization(role))
    top = published[TrustRole.TARGETS].signed
    delegations = delegated(root, assigns or assigning_key(_kept(kept, TrustRole.TARGETS) or top), organizations)
    found: dict[str, Targets] = {}
    for role, listed in shared.items():
        before = published.get(role)
        follows = before.signed.version + 1 if before else 1
        # a number that was raised stays so until it is signed, whatever is asked for meanwhile
        version = max(follows, above + 1, _kept(kept, role).version if role in kept else 0)
        is_top = role == TrustRole.TARGETS
        wanted = Targets(
            version,
            expires=now + life_of(role),
            targets=dict(sorted(listed.items())),
            delegations=delegations if is_top else None,
        )
        delegator: Root | Delegations = root if is_top else delegations
        is_same = version == follows and before is not None and role not in due and _content(before.signed) == _content(wanted)
        if before is None or not is_same or not _is_signed(before, role, delegator):
            found[role] = wanted
    return found


def delegated(root: Root, assigns: Key, organizations: Iterable[str]) -> Delegations:
    """Answer whom everybody's list trusts: the release keys for each organization's own files, the online key for no path at all.

    So looking up a file never leads to the online key, whatever it signs.
    """
    release = root.roles[TrustRole.TARGETS]
    roles = {
        role: DelegatedRole(role, list(release.keyids), release.threshold, terminating=True, paths=_paths(role))
        for role in organizations
    }
    roles[TrustRole.ASSIGNMENTS.value] = DelegatedRole(
        TrustRole.ASSIGNMENTS.value, [assigns.keyid], 1, terminating=True, paths=[]
    )
    keys = {keyid: root.keys[keyid] for keyid in release.keyids} if len(roles) > 1 else {}
    return Delegations({**keys, assigns.keyid: assigns}, roles)


def _paths(role: str) -> list[str]:
    """Answer the patterns of an organization's files: of everybody in it, and of one user of it."""
    return [f"{role}/*/*.zip", f"{role}/*/*/*.zip"]


def assigning_key(top: Targets) -> Key:
    """Answer the online key that a list of released files lets assign."""
    [keyid] = top.get_delegated_role(TrustRole.ASSIGNMENTS).keyids
    return top.get_key(keyid)


def _is_signed(document: Metadata[Targets], role: str, delegator: Root | Delegations) -> bool:
    """Tell whether those signed a list who sign such lists from now on."""
    holder = delegator if isinstance(delegator, Root) else Targets(1, delegations=delegator)
    return bool(holder.get_verification_result(role, document.signed_bytes, document.signatures))


def _renewed_root(now: datetime) -> Root | None:
    if not documents.is_due(TrustRole.ROOT, now):
        return None
    root = documents.current(TrustRole.ROOT, Root)
    root.version, root.expires = root.version + 1, now + LIFE[TrustRole.ROOT]
    return root


def _as_kept(kept: Waiting, role: str, document: Metadata[Any], now: datetime) -> Metadata[Any]:
    """Answer the document that awaits already, with its signatures, where the new one would say the same."""
    old = kept.get(role)
    if old is None or old.signed.version != document.signed.version or _content(old.signed) != _content(document.signed):
        return document
    return document if old.signed.expires - now < life_of(role) / 2 else old


def _content(signed: Signed) -> dict[str, Any]:
    facts = signed.to_dict()
    return {name: facts[name] for name in facts if name not in {"version", "expires"}}


def _kept(kept: Waiting, role: str) -> Any:
    return kept[role].signed if role in kept else None


def _read(file: bytes) -> dict[str, Metadata[Any]]:
    if len(file) > MOST_BYTES:
        raise Invalid(f"A file with signatures has at most {MOST_BYTES:,} bytes.")
    try:
        facts = json.loads(file)
        offered = {str(role): Metadata.from_dict(document) for role, document in facts["documents"].items()}
        is_ours = facts["format"] == FORMAT
    except Exception:  # noqa: BLE001  # whatever a foreign file makes the library raise
        is_ours = False
    if not is_ours:
        raise Invalid("This is no file that `cc-edge sign` wrote.")
    return offered
