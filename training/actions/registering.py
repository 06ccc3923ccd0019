"""How a worker ends a registration: with a version in the registry, or with a sentence; every write needs its hold."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.actions.event import record
from core.errors import Conflict, Invalid
from core.lifecycle import LostRace
from core.storage import store
from learning.actions import object as stored_object
from learning.models import ObjectKind, StoredObject
from training.actions import model_version
from training.admission.config import Unadmitted
from training.admitting import Admitted
from training.models import ModelRegistration, ModelStatus, ModelVersion, RegistrationState

NEEDED = frozenset({"name", "source", "licence"})
LENGTHS = {"name": 120, "source": 500}
UNCLAIMED_FOR = timedelta(days=1)
TRAINER = "external"


class LostRegistration(LostRace):
    """Another worker took this registration over."""


class Hold:
    """One worker's hold on a registration."""

    def __init__(self, registration: ModelRegistration) -> None:
        self.registration, self._token = registration, registration.token

    def beat(self, **fields: Any) -> None:
        """Say that this worker is alive, set `fields`, and hold the row within a transaction; raises LostRegistration."""
        mine = ModelRegistration.objects.filter(pk=self.registration.pk, state=RegistrationState.CHECKING, token=self._token)
        if not mine.update(**{"beat_at": timezone.now(), **fields}):
            raise LostRegistration("Another worker took this registration over.")


def land(hold: Hold, admitted: Admitted) -> ModelVersion:
    """Store the bundle and make the draft: both are there, or neither. Raises Unadmitted, StoreError, LostRegistration."""
    kept: list[StoredObject] = []
    metadata = {"model_registration": str(hold.registration.pk), "uploaded_at": timezone.now().isoformat()}
    try:
        for kind, media_type, what in (
            (ObjectKind.BUNDLE, "application/zip", admitted.path),
            (ObjectKind.CONFIG, "application/json", admitted.bundle.config_bytes),
        ):
            # of a worker that is killed before the version refers to them, they go by themselves
            until = timezone.now() + UNCLAIMED_FOR
            stored = stored_object.store_bytes(
                what, kind=kind, media_type=media_type, metadata=metadata, tick=hold.beat, delete_at=until
            )
            kept.append(stored)
        return _landed(hold, admitted, *kept)
    except BaseException:
        for unwanted in kept:
            store(unwanted.alias).remove(unwanted.name)
            unwanted.delete()
        raise


@transaction.atomic
def fail(hold: Hold, sentence: str) -> None:
    """End it: nothing of it is registered."""
    hold.beat()
    row = hold.registration
    row.move(RegistrationState.FAILED, error_message=sentence, finished_at=timezone.now())
    record(None, "fail", row, reason=sentence)


def refuse_taken(registration: ModelRegistration) -> None:
    """Raise Conflict where the number that was asked for is another version's."""
    if registration.version and _siblings(registration).filter(version=registration.version).exists():
        sentence = f"There is a version {registration.version} of {registration.module.slug} already."
        raise Conflict(sentence, code="version_taken")


def checked_texts(texts: Mapping[str, str], *, limit: int) -> dict[str, str]:
    """Answer what a person said of a model, as it is kept; raises Invalid."""
    kept = {name: text.strip() for name, text in texts.items()}
    for name, text in kept.items():
        most = LENGTHS.get(name, limit)
        if "\0" in text or len(text) > most or (name in NEEDED and not text):
            needed = "1" if name in NEEDED else "0"
            raise Invalid(f"{name} has {needed} to {most:,} characters.", errors={name: ["is too long, or missing"]})
    return kept


@transaction.atomic
def _landed(hold: Hold, admitted: Admitted, bundle: StoredObject, config: StoredObject) -> ModelVersion:
    hold.beat()
    row = hold.registration
    model_version.lock_module(row.module_id)
    same = _siblings(row).filter(bundle__sha256=bundle.sha256).exclude(status=ModelStatus.DEPRECATED).first()
    if same is not None:
        raise Unadmitted(f"This very model is registered already, as {row.module.slug} {same.version}.")
    try:
        refuse_taken(row)
    except Conflict as taken:
        raise Unadmitted(taken.detail) from taken
    told = admitted.bundle.config
    made = ModelVersion.objects.create(
        organization=row.organization,
        user_id=row.user_id,
        module=row.module,
        version=row.version or model_version.next_number(row, part="minor"),
        name=row.name,
        description=row.description,
        notes=row.notes,
        trainer_name=TRAINER,
        encoding=row.module.encoding,
        bundle=bundle,
        config=config,
        card=admitted.bundle.card,
        trained_at=timezone.now(),
        min_edge_version=told["min_edge_version"],
        supported_platforms=told["platforms"],
        requested_by=row.created_by,
    )
    StoredObject.objects.filter(pk__in=[bundle.pk, config.pk]).update(delete_at=None)
    ended = {"sha256": admitted.sha256, "answers": admitted.answers, "finished_at": timezone.now()}
    row.move(RegistrationState.REGISTERED, model_version=made, **ended)
    facts = {"registration": str(row.pk), "sha256": bundle.sha256, "file_sha256": admitted.sha256}
    record(row.created_by, "register", made, **facts)
    return made


def _siblings(row: ModelRegistration) -> Any:
    return ModelVersion.objects.filter(organization=row.organization, user_id=row.user_id, module_id=row.module_id)
