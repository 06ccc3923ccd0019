"""Verbs on registrations: a model that was trained elsewhere is sent, looked at by a worker, and becomes a draft.

The file goes straight into the store. A worker has a program of its own look at it (training/admission), within limits, since
the file may be hostile. What is not admitted leaves nothing but the registration, which says why.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, transaction
from django.utils import timezone

from accounts.actions.event import record
from accounts.models import Organization, User
from accounts.policy import Permission, require
from core.claims import claim, wake
from core.errors import Conflict, Invalid, Unavailable
from core.lifecycle import LostRace
from core.queue import enqueue
from core.storage import ObjectMissing, SignedRequest, StoreError, new_name, put_bytes, store
from learning.actions import store as object_store
from learning.models import AiModule
from training import admitting, plan, semver
from training.actions import registering
from training.actions.job import USER_ID
from training.actions.registering import Hold
from training.admission.config import CONFIG_KEYS, Unadmitted, config_of
from training.models import ModelRegistration, ModelVersion, RegistrationState

TEXT_LIMIT = 4_000
MOST_OPEN = 20
OPEN_FOR = timedelta(days=1)
URL_SECONDS = 3_600
MOST_FAULTS = 3
MEDIA_TYPE = "application/octet-stream"
MD5 = re.compile(r"[0-9a-f]{32}")

logger = structlog.get_logger(__name__)


def begin(
    module: AiModule,
    *,
    by: User,
    name: str,
    file_name: str,
    size: int,
    md5: str,
    source: str,
    licence: str,
    config: Mapping[str, Any] | None = None,
    version: str = "",
    organization: Organization | None = None,
    user_id: str = "",
    description: str = "",
    notes: str = "",
) -> ModelRegistration:
    """Begin to register a file of `size` bytes: a bundle, or with `config` a bare ONNX file; `upload` says where it is sent.

    `version` is its number, or the next free one. Raises Invalid, Conflict, Refused by the plan, or Unavailable where the
    store takes no uploads. Not for transactions.
    """
    require(by, Permission.REGISTER_MODEL, organization)
    plan.allow_own_models(organization)
    object_store.require_open()
    texts = {"name": name, "source": source, "licence": licence, "description": description, "notes": notes}
    kept = registering.checked_texts(texts, limit=TEXT_LIMIT)
    _check_file(file_name, size, md5)
    if user_id and not USER_ID.fullmatch(user_id):
        raise Invalid(
            "A user_id is up to 64 letters, digits, dots, dashes and underscores.", errors={"user_id": ["is malformed"]}
        )
    made = ModelRegistration(
        organization=organization,
        user_id=user_id,
        module=module,
        version=_number(version),
        config=_config(config or {}, module),
        file_name=file_name[-255:],
        size=size,
        md5=md5,
        object_name=new_name(MEDIA_TYPE),
        created_by=by,
        expires_at=timezone.now() + OPEN_FOR,
        **kept,
    )
    return _opened(made, by)


def upload(registration: ModelRegistration, *, by: User) -> SignedRequest | None:
    """Sign the upload of its file, good for an hour; None once it is not open any more."""
    require(by, Permission.REGISTER_MODEL, registration)
    if registration.state != RegistrationState.OPEN:
        return None
    return store(registration.alias).presign_put(
        registration.object_name,
        md5=registration.md5,
        size=registration.size,
        media_type=MEDIA_TYPE,
        metadata=_metadata(registration),
        seconds=URL_SECONDS,
    )


def bring(module: AiModule, path: Path, *, by: User, **facts: Any) -> ModelRegistration:
    """Register a file of this machine: what a person at the hub's own command line does. Not for transactions."""
    size = path.stat().st_size
    if size > settings.MODEL_MAX_BYTES:
        raise _oversize()
    content = path.read_bytes()
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    made = begin(module, by=by, file_name=path.name, size=size, md5=md5, **facts)
    try:
        put_bytes(made.object_name, content, media_type=MEDIA_TYPE, metadata=_metadata(made))
    except StoreError as error:
        raise Unavailable("The object store does not answer; try again.", code="store_unavailable") from error
    return complete(made, by=by)


def complete(registration: ModelRegistration, *, by: User) -> ModelRegistration:
    """Say that the file is in the store, and have a worker look at it. Twice is success; Conflict where it has not arrived."""
    require(by, Permission.REGISTER_MODEL, registration)
    if registration.state in (RegistrationState.CHECKING, RegistrationState.REGISTERED, RegistrationState.FAILED):
        return registration
    if registration.state != RegistrationState.OPEN:
        raise Conflict(f"This registration is {registration.state}; begin it anew.", facts={"state": registration.state})
    try:
        there = store(registration.alias).stat(registration.object_name)
    except ObjectMissing:
        raise Conflict(
            "The file has not arrived; send it to the address that was signed for it.", code="file_missing"
        ) from None
    except StoreError as error:
        raise Unavailable("The object store does not answer at the moment; try again.", code="store_unavailable") from error
    if there.size != registration.size:
        raise Conflict(f"{there.size:,} bytes arrived, not {registration.size:,}; begin it anew.", code="wrong_size")
    with transaction.atomic():
        registration.move(RegistrationState.CHECKING, token="", beat_at=None)
        record(by, "complete", registration, bytes=registration.size)
        enqueue("training.tasks.check_registration", str(registration.pk))
    return registration


@transaction.atomic
def cancel(registration: ModelRegistration, *, by: User) -> ModelRegistration:
    """Give up a registration whose file was not sent; twice is success, Conflict once it is being looked at."""
    require(by, Permission.REGISTER_MODEL, registration)
    if registration.state != RegistrationState.CANCELLED:
        registration.move(RegistrationState.CANCELLED, finished_at=timezone.now())
        record(by, "cancel", registration)
        enqueue("training.tasks.sweep_registrations")
    return registration


def check(registration_id: Any) -> ModelVersion | None:
    """Look at the file, and register what is admitted: by a worker, as often as it likes. Answers the version made."""
    relations = ("module", "organization", "created_by")
    registration = claim(ModelRegistration.objects.to_check(), registration_id, *relations)
    if registration is None:
        return None
    hold = Hold(registration)
    try:
        with admitting.admitted(registration, beat=hold.beat) as admitted:
            made = registering.land(hold, admitted)
    except Unadmitted as refusal:
        registering.fail(hold, str(refusal))
    except LostRace:
        logger.warning("another worker took over the registration", registration=str(registration.pk))
    except (StoreError, OSError, DatabaseError) as error:
        logger.exception("a registration broke off", registration=str(registration.pk))
        _note_fault(hold, error)
    else:
        clear(registration)
        return made
    clear(registration)
    return None


def sweep() -> None:
    """Go on with what a killed worker left, expire what was never sent, and remove the files of what is over."""
    wake(ModelRegistration.objects.to_check(), "training.tasks.check_registration")
    overdue = ModelRegistration.objects.filter(state=RegistrationState.OPEN, expires_at__lt=timezone.now())
    for late in overdue[:100]:
        _leniently(lambda late=late: late.move(RegistrationState.EXPIRED, finished_at=timezone.now()))  # type: ignore[misc]
    for over in ModelRegistration.objects.to_clear()[:100]:
        clear(over)


def clear(registration: ModelRegistration) -> None:
    """Remove the file of a registration that is over from the store; what the store refuses, the sweeper tries again."""
    rows = ModelRegistration.objects.to_clear().filter(pk=registration.pk)
    if not rows.exists():
        return
    try:
        store(registration.alias).remove(registration.object_name)
    except StoreError:
        logger.exception("a file could not be removed; it is tried again", registration=str(registration.pk))
        return
    rows.update(object_name="")


@transaction.atomic
def _opened(made: ModelRegistration, by: User) -> ModelRegistration:
    waiting = ModelRegistration.objects.filter(created_by=by, state=RegistrationState.OPEN)
    if waiting.count() >= MOST_OPEN:
        raise Conflict(f"{MOST_OPEN} registrations wait for their file; send or cancel one first.", code="too_many_open")
    registering.refuse_taken(made)
    made.save(force_insert=True)
    record(by, "begin", made, module=made.module.slug, bytes=made.size)
    return made


def _check_file(file_name: str, size: int, md5: str) -> None:
    if not file_name.strip() or not file_name.isprintable():
        raise Invalid("The file has a name that a person can read.", errors={"file_name": ["is no name"]})
    if not 0 < size <= settings.MODEL_MAX_BYTES:
        raise _oversize()
    if not MD5.fullmatch(md5):
        raise Invalid("Say the MD5 of the file, in hex.", errors={"md5": ["is no MD5"]})


def _oversize() -> Invalid:
    return Invalid(
        f"A model has 1 to {settings.MODEL_MAX_BYTES:,} bytes.", code="oversize", errors={"size": ["is out of bounds"]}
    )


def _number(version: str) -> str:
    return semver.checked(version).removeprefix("v") if version else ""


def _config(config: Any, module: AiModule) -> dict[str, Any]:
    """Answer what is told of a bare ONNX file, as it is kept; raises Invalid with the sentence that the checks would say."""
    if not config:
        return {}
    if not isinstance(config, Mapping) or set(config) - CONFIG_KEYS:
        sentence = f"config holds {', '.join(sorted(CONFIG_KEYS))}, and nothing else."
        raise Invalid(sentence, errors={"config": [sentence]})
    try:
        config_of(config, admitting.facts_of(module))
    except Unadmitted as refusal:
        raise Invalid(str(refusal), errors={"config": [str(refusal)]}) from refusal
    return dict(config)


def _metadata(registration: ModelRegistration) -> dict[str, str]:
    return {"model_registration": str(registration.pk)}


def _note_fault(hold: Hold, error: Exception) -> None:
    """Count that it broke off; the sweeper tries again, a few times, and after an outage of the store as often as it takes."""
    row = hold.registration
    row.faults += not (isinstance(error, StoreError) and error.is_passing)
    if row.faults >= MOST_FAULTS:
        registering.fail(hold, f"A fault of the hub stopped this {MOST_FAULTS} times ({type(error).__name__}); begin it anew.")
        return
    _leniently(lambda: hold.beat(faults=row.faults, token=""))


def _leniently(act: Callable[[], Any]) -> None:
    """Do what another worker may have done meanwhile."""
    try:
        act()
    except LostRace:
        logger.info("somebody else was first")
