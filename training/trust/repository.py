"""The image repository of The Update Framework: founding it, keeping it fresh, and changing whose keys count.

What an edge may install is what `targets` and its organization's own list name, signed by the release keys. The online keys only
say how fresh these lists are (snapshot, timestamp) and which listed file one edge shall run (assignments): they can name no new file.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from securesystemslib.signer import Key
from tuf.api.metadata import Metadata, Root, Targets

from accounts.models import User
from core.errors import Conflict, Invalid, Unavailable
from core.hooks import assigning_key_changed
from training.models.trust import SigningRequest, TrustRole
from training.trust import documents, keys, online, signing
from training.trust.documents import LIFE, TOP_LEVEL
from training.trust.keys import ONLINE, Holders, Signers

AHEAD = timedelta(hours=1)
"""How far numbers may have run before the clock where many documents were signed within seconds."""


def init(root: Holders | None = None, release: Holders | None = None) -> None:
    """Make keys and the first version of every document, unless the repository is there already.

    With holders of the root or of releases the hub makes no key for those: the first documents then await their signatures.
    Safe for any number of processes at once. Raises Unavailable where there are keys for some roles only, Conflict for
    holders of a repository that is there.
    """
    if documents.is_founded():
        if root or release:
            raise Conflict("There is a trust repository already; manage.py trust rotate changes who holds its keys.")
        return
    given = {role for role, holders in ((TrustRole.ROOT, root), (TrustRole.TARGETS, release)) if holders}
    keys.make(set(TrustRole.values) - given)
    signers = keys.at_hand()
    if missing := sorted(set(TrustRole.values) - given - set(signers)):
        raise Unavailable(f"A repository cannot be made here: {keys.folder()} lacks the keys of {', '.join(missing)}.")
    try:
        with transaction.atomic():
            _found(signers, {TrustRole.ROOT: root, TrustRole.TARGETS: release})
    except IntegrityError:
        if not documents.is_founded():
            raise  # not another process that was first


def refresh() -> list[str]:
    """Sign again whatever has lived half its life and whose key is here; answers the roles. Made for a beat, every hour.

    What key holders have to sign is asked of them, in time for them to do so.
    """
    init()
    if not documents.is_published():
        return []
    signers = keys.at_hand()
    with transaction.atomic():
        documents.lock()
        now = timezone.now()
        if done := _renewed_lists(signers):  # a published request brings its own snapshot
            return [*done, TrustRole.SNAPSHOT, TrustRole.TIMESTAMP]
        if documents.is_due(TrustRole.ASSIGNMENTS, now):
            online.renew_assignments_role(signers, now)
            online.sign_fresh(signers, now)
            return [TrustRole.ASSIGNMENTS, TrustRole.SNAPSHOT, TrustRole.TIMESTAMP]
        if documents.is_due(TrustRole.SNAPSHOT, now):
            online.sign_fresh(signers, now)
            return [TrustRole.SNAPSHOT, TrustRole.TIMESTAMP]
        if documents.is_due(TrustRole.TIMESTAMP, now):
            online.sign_timestamp(signers, now)
            return [TrustRole.TIMESTAMP]
    return []


def raise_versions(by: User | None = None) -> bool:
    """Sign everything under numbers that no edge has seen, after the database went back; answers whether that was all.

    What key holders sign is asked of them; until they have, an edge that saw a newer list takes nothing new, and runs on.
    """
    if not documents.is_published():
        return True
    signers = keys.at_hand()
    with transaction.atomic():
        documents.lock()
        now = timezone.now()
        above = int((now + AHEAD).timestamp())
        signing.propose(above=above, by=by)
        standing = sign_at_hand(signers)
        online.sign_fresh(signers, now, above)
    return standing is not None and standing.is_complete


def rotate(role: str, holders: Holders | None, *, by: User | None) -> SigningRequest:
    """Ask for documents in which `role` has other keys: its holders', or one more of the hub's own where none are named.

    The root's own keys change with the signatures of today's and of the next. Raises Invalid for holders of an online role,
    Conflict where nothing would change.
    """
    if role not in TrustRole.values:
        raise Invalid(f"There is no role {role}; there are {', '.join(TrustRole.values)}.")
    if holders and role in ONLINE:
        raise Invalid(f"The hub itself signs {role}, every day: its key is made here, name none.")
    documents.newest(TrustRole.ROOT)  # before a key is made for nothing
    chosen = holders or Holders((keys.make_another(role).public_key,))
    with transaction.atomic():
        documents.lock()
        if role == TrustRole.ASSIGNMENTS:
            found = signing.propose(assigns=chosen.keys[0], by=by)
        elif is_held_by(role, chosen):
            raise Conflict(f"The role {role} has these keys already.")
        else:
            found = signing.propose(root=_root_with(role, chosen), by=by)
    if found is None:
        raise Conflict(f"The role {role} has these keys already.")
    return found


def is_held_by(role: str, holders: Holders) -> bool:
    """Tell whether the root in force names exactly these holders for `role`."""
    held = documents.current(TrustRole.ROOT, Root).roles[role]
    return (set(held.keyids), held.threshold) == ({key.keyid for key in holders.keys}, holders.threshold)


def sign_at_hand(signers: Signers) -> signing.Standing | None:
    """Sign the open request with those keys of this machine that are asked; None where no key here is."""
    if not signing.is_open():
        return None
    asked = {keyid for one in signing.wanted_signatures() for keyid in one.keys.keys() - one.signed}
    able = [signer for signer in signers.values() if signer.public_key.keyid in asked]
    return _settled(lambda: signing.sign_open(able, signers)) if able else None


def sign_with(signer: Any, signers: Signers) -> signing.Standing:
    """Sign the open request with one key; raises Refused where it is not asked, or has signed already."""
    return _settled(lambda: signing.sign_open([signer], signers))


def admit(file: bytes, signers: Signers) -> signing.Standing:
    """Take what key holders signed elsewhere; see `signing.admit`."""
    return _settled(lambda: signing.admit(file, signers))


def _settled(act: Any) -> signing.Standing:
    """Do it; where the key that assigns is another afterwards, say so in the same transaction."""
    documents.lock()
    before = _assigning_keyid()
    standing: signing.Standing = act()
    if before is not None and _assigning_keyid() != before:
        assigning_key_changed.announce(None)
    return standing


def _assigning_keyid() -> str | None:
    if not documents.is_published():
        return None
    return signing.assigning_key(documents.current(TrustRole.TARGETS, Targets)).keyid


def _renewed_lists(signers: Signers) -> list[str]:
    """Ask for what key holders must sign again; answers the roles whose keys are here, which is done then."""
    before = {role: found.signed.version for role, found in documents.lists().items()}
    root = documents.newest(TrustRole.ROOT).version
    if signing.propose() is None or sign_at_hand(signers) is None:
        return []
    done = [TrustRole.ROOT.value] if documents.newest(TrustRole.ROOT).version != root else []
    return done + [role for role, found in documents.lists().items() if found.signed.version != before.get(role)]


def _root_with(role: str, holders: Holders) -> Root:
    """Answer the next root, as it awaits signatures already or as it is, with other keys for one role."""
    kept = documents.waiting().get(TrustRole.ROOT)
    root: Root = kept.signed if kept else documents.current(TrustRole.ROOT, Root)
    if kept is None:
        root.version, root.expires = root.version + 1, timezone.now() + LIFE[TrustRole.ROOT]
    _put(root, role, holders)
    return root


def _put(root: Root, role: str, holders: Holders) -> None:
    for keyid in list(root.roles[role].keyids):
        root.revoke_key(keyid, role)
    for key in holders.keys:
        root.add_key(key, role)
    root.roles[role].threshold = holders.threshold


def _found(signers: Signers, given: Mapping[TrustRole, Holders | None]) -> None:
    now = timezone.now()
    root = Root(expires=now + LIFE[TrustRole.ROOT], consistent_snapshot=True)
    for role in TOP_LEVEL:
        _put(root, role, given.get(role) or Holders((signers[role].public_key,)))
    assigns: Key = signers[TrustRole.ASSIGNMENTS].public_key
    delegations = signing.delegated(root, assigns, [])
    targets = Targets(expires=now + LIFE[TrustRole.TARGETS], delegations=delegations)
    first: dict[str, Metadata[Any]] = {TrustRole.ROOT.value: Metadata(root), TrustRole.TARGETS.value: Metadata(targets)}
    signing.reopen(first, {}, by=None)
    sign_at_hand(signers)
