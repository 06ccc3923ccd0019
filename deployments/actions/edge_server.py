"""Verbs on edge servers: add, enrol, heartbeat, set the callback, lift a hold."""

import hashlib
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.actions import access_key
from accounts.actions import user as user_verbs
from accounts.actions.event import record
from accounts.models import AccessKey, Organization, Role, User
from accounts.policy import Permission, require
from core import outbound
from core.errors import Conflict, Invalid, Missing, Refused
from deployments import assignments, offering, presence
from deployments.actions import deployment as deployments
from deployments.actions import restored
from deployments.actions.measuring import keep_measured, keep_nothing_else
from deployments.models import EdgeServer, EdgeSlot, EnrolmentCode
from learning.models import AiModule, City
from training import trust

CODE_BYTES = 16
CODE_LIFE = timedelta(hours=24)
NAME_LIMIT = 120
VERSION_LIMIT = 40
FACTS_LIMIT = 8_000
TELEMETRY_LIMIT = 64_000
REPORTED = ["active_version", "previous_version", "reported_counter", "reported_at", "telemetry", "telemetry_at"]
KEY_SHA256 = re.compile(r"[0-9a-f]{64}")
KEY_PREFIX = re.compile(r"[0-9A-Za-z]{8,16}")


@dataclass(frozen=True)
class Left:
    """The attempt that an edge went back from by itself."""

    deployment: UUID
    attempt: int


@dataclass(frozen=True)
class SlotReport:
    """What an edge says of one module; `left` where the site went back by itself (origin local)."""

    module: str
    active_version: str = ""
    previous_version: str = ""
    counter: int | None = None
    left: Left | None = None


@dataclass(frozen=True)
class Heartbeat:
    """What an edge says of itself; `sha256` names all of it that is not measured, "" where it is to be looked at again.

    One that `is_whole` is written as a whole although it says nothing new.
    """

    edge_version: str = ""
    runtime: Mapping[str, Any] = field(default_factory=dict)
    slots: Sequence[SlotReport] = ()
    telemetry: Sequence[Mapping[str, Any]] = ()
    sha256: str = ""
    is_whole: bool = False


def add(
    name: str,
    *,
    by: User | None,
    organization: Organization | None,
    modules: Sequence[AiModule],
    city: City | None = None,
    group: str = "",
) -> tuple[EdgeServer, str, str]:
    """Make an edge server with a slot for each module; answers it, its enrolment code (shown this once) and the root's SHA-256.

    `by` is None for the command line. Raises Conflict for a taken name, Invalid without a module or for a city of others.
    """
    trust.init()
    with transaction.atomic():
        if by is not None:
            require(by, Permission.MANAGE_EDGES, organization)
        _check_new(name, organization, modules, city)
        machine = user_verbs.add(name, role=Role.EDGE, by=by, organization=organization)
        edge = EdgeServer.objects.create(organization=organization, city=city, user=machine, name=name, group=group[:60])
        EdgeSlot.objects.bulk_create(EdgeSlot(edge_server=edge, module=module) for module in modules)
        record(by, "add", edge, modules=[module.slug for module in modules])
        return edge, new_code(edge), trust.root_sha256()


def enrol(code: str, key_sha256: str, name: str, platform: Mapping[str, Any], *, key_prefix: str) -> dict[str, Any]:
    """Let the machine that knows the code be this edge, by the key it made for itself; answers the edge's id and the root.

    `key_sha256` is over the whole bearer text `cc_<key_prefix>_<secret>`. The same code with the same key is answered again;
    with another key, or too late, it is refused.
    """
    _check_key(key_sha256, key_prefix)
    described = _bounded(platform, "platform")
    with transaction.atomic():
        known = EnrolmentCode.objects.select_for_update(of=("self",)).select_related("edge_server__user")
        found = known.filter(sha256=_digest(code)).first()
        if found is None:
            raise Refused("This enrolment code is not known.", code="unknown_code")
        edge = found.edge_server
        if found.used_at is None:
            _take_code(found, key_sha256, key_prefix)
            edge.platform, edge.enrolled_at = described, timezone.now()
            edge.save(update_fields=["platform", "enrolled_at"])
            record(edge.user, "enrol", edge, named=name[:NAME_LIMIT])
        elif not secrets.compare_digest(found.key_sha256, key_sha256):
            raise Refused("This enrolment code was used already, by another machine.", code="code_used")
    return {"edge_server_id": edge.pk, "trust_root": json.loads(trust.metadata("root"))}


def heartbeat(edge: EdgeServer, body: Heartbeat, *, by: User) -> dict[str, Any]:
    """Keep what an edge says it runs and measured; modules it has no slot for are passed over. Answers how often to ask.

    Where the site went back from what it shall run, that is not offered again until a person lifts the hold.
    """
    measured, others = _telemetry(body.telemetry)
    is_as_before = body.sha256 != "" and body.sha256 == edge.heard_sha256
    if body.is_whole or not is_as_before or others or not _measured_only(edge, measured, by):
        _hear_all(edge, body, measured, others, by)
    return {"poll_seconds": settings.EDGE_POLL_SECONDS}


def _measured_only(edge: EdgeServer, measured: Mapping[str, list[Any]], by: User) -> bool:
    """Keep what was measured where all else is as the last time; False, and nothing is kept, where that does not suffice."""
    if not measured:
        return False
    with transaction.atomic():
        require(by, Permission.SPEAK_AS_EDGE, edge)
        is_kept = keep_nothing_else(edge.pk, measured)
    if is_kept:
        presence.PRESENCE.note(edge.pk)
    return is_kept


def _hear_all(edge: EdgeServer, body: Heartbeat, measured: dict[str, list[Any]], others: list[Any], by: User) -> None:
    # the key is a file, read before the transaction begins
    signer = assignments.online_signer() if any(slot.left for slot in body.slots) else None
    said = {slot.module: slot for slot in body.slots}
    with transaction.atomic():
        require(by, Permission.SPEAK_AS_EDGE, edge)
        assignments.lock([edge.pk])  # before its slots, as whoever assigns to it does
        slots = list(EdgeSlot.objects.filter(edge_server=edge).select_related("module", "desired_deployment"))
        keep_measured(edge.pk, {slot.module.slug: slot.module_id for slot in slots}, measured)
        heard = _hear(slots, said, measured)
        others = [*others, *(entry for entries in measured.values() for entry in entries)]  # of modules that have no slot here
        facts: dict[str, Any] = {"telemetry": others} if others else {}
        if agreeing := [slot for slot in heard if restored.agrees(slot)]:
            facts |= _lift_agreeing(edge, agreeing, by)
        EdgeServer.objects.filter(pk=edge.pk).update(
            edge_version=body.edge_version[:VERSION_LIMIT],
            runtime=_bounded(body.runtime, "runtime"),
            last_seen_at=timezone.now(),
            heard_sha256=body.sha256,
            **facts,
        )
        left = [slot for slot in heard if _is_left(slot, said.get(slot.module.slug))]
        for slot in left:
            _hold(edge, slot, by)
        if left and signer is not None:
            assignments.sign([edge.pk], signer)


def lift_hold(edge: EdgeServer, module: AiModule, *, by: User) -> EdgeSlot:
    """Offer what this edge shall run once more, after the site went back from it by itself; raises Conflict where nothing is held."""
    signer = assignments.online_signer()
    with transaction.atomic():
        require(by, Permission.DEPLOY, edge)
        assignments.lock([edge.pk])
        rows = EdgeSlot.objects.select_related("module", "desired", "desired_deployment__model_version")
        slot = rows.filter(edge_server=edge, module=module).first()
        if slot is None:
            raise Missing("This edge server has no slot for this module.")
        if not slot.held or slot.desired_deployment is None:
            raise Conflict("This module is not held on this edge server.")
        slot.held, slot.held_reason, slot.desired_at = False, "", timezone.now()
        slot.save(update_fields=["held", "held_reason", "desired_at"])
        deployments.reopen(slot.desired_deployment)
        record(by, "lift_hold", edge, module=module.slug, deployment=str(slot.desired_deployment_id))
        assignments.sign([edge.pk], signer)
        offering.wake([edge.pk])
    return slot


@transaction.atomic
def set_callback(edge: EdgeServer, url: str, *, by: User) -> EdgeServer:
    """Say where assignments are pushed to; "" ends it. Raises Invalid for what is never called; the address is judged at each call."""
    require(by, Permission.MANAGE_EDGES, edge)
    if url:
        outbound.check_url(url)
    edge.callback_url = url
    edge.save(update_fields=["callback_url"])
    record(by, "set_callback", edge, is_set=bool(url))
    return edge


def _hear(slots: Sequence[EdgeSlot], said: Mapping[str, SlotReport], measured: dict[str, list[Any]]) -> Sequence[EdgeSlot]:
    """Write what was said and measured of these slots, and answer those it was said of; takes from `measured` what found its place."""
    now, heard, as_before = timezone.now(), [], []
    for slot in slots:
        told, entries = said.get(slot.module.slug), measured.pop(slot.module.slug, None)
        before = (slot.active_version, slot.previous_version, slot.reported_counter)
        if told is not None:
            slot.active_version = told.active_version[:VERSION_LIMIT]
            slot.previous_version = told.previous_version[:VERSION_LIMIT]
            slot.reported_counter, slot.reported_at = told.counter, now
        if entries is not None:
            slot.telemetry, slot.telemetry_at = entries, now
        if told is not None or entries is not None:
            heard.append(slot)
        if (
            told is not None
            and entries is None
            and before == (slot.active_version, slot.previous_version, slot.reported_counter)
        ):
            as_before.append(slot.pk)  # only the moment is new: one short statement for all of them
    EdgeSlot.objects.filter(pk__in=as_before).update(reported_at=now)
    EdgeSlot.objects.bulk_update([slot for slot in heard if slot.pk not in as_before], REPORTED)
    return heard


def _telemetry(entries: Sequence[Mapping[str, Any]]) -> tuple[dict[str, list[Any]], list[Any]]:
    """Sort what was measured by the module it names, and what names none; raises Invalid where it is too much to keep."""
    _bounded({"telemetry": entries}, "telemetry", TELEMETRY_LIMIT)
    of_modules: dict[str, list[Any]] = {}
    others: list[Any] = []
    for entry in entries:
        named = entry.get("ai_module")
        (of_modules.setdefault(named, []) if isinstance(named, str) else others).append(entry)
    return of_modules, others


def _is_left(slot: EdgeSlot, told: SlotReport | None) -> bool:
    """Tell whether the edge went back from the very attempt it is assigned, and the hub does not know yet."""
    desired = slot.desired_deployment
    if slot.held or desired is None or told is None:
        return False
    return told.left == Left(desired.pk, desired.attempt)


def _hold(edge: EdgeServer, slot: EdgeSlot, by: User) -> None:
    reason = f"The site went back to {slot.active_version or 'nothing'} by itself."
    EdgeSlot.objects.filter(pk=slot.pk).update(held=True, held_reason=reason)
    facts = {"deployment": str(slot.desired_deployment_id), "active": slot.active_version, "origin": "local"}
    record(by, "hold", edge, module=slot.module.slug, **facts)


def _lift_agreeing(edge: EdgeServer, slots: Sequence[EdgeSlot], by: User) -> dict[str, Any]:
    """Lift what a restore held; answers what has the edge's assignment signed anew when it next asks."""
    EdgeSlot.objects.filter(pk__in=[slot.pk for slot in slots]).update(held=False, held_reason="")
    record(by, "lift_hold", edge, modules=[slot.module.slug for slot in slots], origin="restore")
    return {"assignment_expires_at": timezone.now()}


def _check_new(name: str, organization: Organization | None, modules: Sequence[AiModule], city: City | None) -> None:
    if not re.fullmatch(r"[\w][\w .:-]*", name) or len(name) > NAME_LIMIT:
        raise Invalid(f"An edge server's name is up to {NAME_LIMIT} letters, digits, blanks, dots, colons and dashes.")
    if not modules:
        raise Invalid("An edge server runs at least one module; name it.")
    if city is not None and city.organization_id != (organization.pk if organization else None):
        raise Invalid("This city belongs to another organization.")


def new_code(edge: EdgeServer) -> str:
    """Answer a new enrolment code of an edge, good for a day and once; only its hash is kept."""
    # Hexadecimal, for a person types it behind --code: nothing in it may look like an option.
    code = secrets.token_hex(CODE_BYTES)
    EnrolmentCode.objects.create(edge_server=edge, sha256=_digest(code), expires_at=timezone.now() + CODE_LIFE)
    return code


def _take_code(found: EnrolmentCode, key_sha256: str, key_prefix: str) -> None:
    if found.expires_at <= timezone.now():
        raise Refused("This enrolment code has expired; ask for a new one.", code="code_expired")
    if AccessKey.objects.filter(sha256=key_sha256).exists():
        raise Conflict("There is such a key already; make another.")
    access_key.adopt(found.edge_server.user, key_sha256, key_prefix)
    found.used_at, found.key_sha256 = timezone.now(), key_sha256
    found.save(update_fields=["used_at", "key_sha256"])


def _check_key(key_sha256: str, key_prefix: str) -> None:
    if not KEY_SHA256.fullmatch(key_sha256):
        raise Invalid("key_sha256 is 64 hex digits.", errors={"key_sha256": ["64 lower-case hex digits."]})
    if not KEY_PREFIX.fullmatch(key_prefix):
        raise Invalid("key_prefix is 8 to 16 letters and digits.", errors={"key_prefix": ["8 to 16 letters and digits."]})


def _bounded(facts: Mapping[str, Any], name: str, limit: int = FACTS_LIMIT) -> dict[str, Any]:
    text = json.dumps(facts)
    if len(text) > limit or "\\u0000" in text:
        raise Invalid(f"{name} is longer than {limit:,} characters, or holds a zero byte.", errors={name: ["Too long."]})
    return dict(facts)


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode(errors="replace")).hexdigest()
