"""Verbs on model versions: register, evaluate, approve or refuse, release (ask, then admit the signature), activate, deprecate."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.actions.event import record
from accounts.models import User
from accounts.policy import Permission, require
from core.errors import Conflict, Invalid, Refused
from learning.models import AiModule, StoredObject
from training import gate, plan, semver, trust
from training.actions import job as job_verbs
from training.models import (
    DatasetVersion,
    ModelRegistration,
    ModelStatus,
    ModelVersion,
    Split,
    TrainingJob,
    TrainingRun,
    VersionState,
)
from training.models.job import ENDED

TEXT_LIMIT = 4_000


def register(
    run: TrainingRun,
    *,
    bundle: StoredObject,
    config: StoredObject | None = None,
    card: str = "",
    metrics: Mapping[str, Any] | None = None,
    encoding: str = "",
    min_edge_version: str = "0.1.0",
    platforms: Sequence[str] = (),
) -> ModelVersion:
    """Make the draft that a run's bundle became, in the caller's transaction (run.finish); the next free number is its own.

    `metrics` may hold accuracy, precision, recall, f1 (0..1) and inference_time_ms; all of them are kept as its evaluation.
    """
    job = run.job
    lock_module(job.module_id)
    measured = dict(metrics or {})
    version = ModelVersion.objects.create(
        organization_id=job.organization_id,
        user_id=job.user_id,
        module_id=job.module_id,
        version=next_number(job, part="patch" if job.base_model_version_id else "minor"),
        name=job.name,
        description=job.description,
        training_job=job,
        dataset_version_id=job.dataset_version_id,
        base_version_id=job.base_model_version_id,
        trainer_name=job.trainer,
        encoding=encoding,
        bundle=bundle,
        config=config,
        card=card,
        trained_at=timezone.now(),
        min_edge_version=min_edge_version,
        supported_platforms=list(platforms),
        requested_by_id=job.created_by_id,
        evaluation=_evaluation(job, measured),
        **_measured_columns(measured),
    )
    record(None, "register", version, job=str(job.pk), run=str(run.pk), sha256=bundle.sha256)
    return version


@transaction.atomic
def evaluate(
    version: ModelVersion, *, by: User | None, dataset_version: DatasetVersion | None = None, split: str = Split.TEST
) -> TrainingJob:
    """Have the version scored on a frozen split, by default its own test split; a draft is then in testing.

    Raises Conflict for a deprecated version, and while the same evaluation has not ended.
    """
    require(by, Permission.EVALUATE_MODEL, version)
    chosen = dataset_version or version.dataset_version
    if chosen is None:
        raise Invalid("This version was not trained on a dataset version; name one to evaluate it on.")
    if chosen.state != VersionState.FROZEN:
        raise Conflict(f"A model is evaluated on a frozen dataset version; this one is {chosen.state}.")
    if split not in Split.values:
        raise Invalid(f"There is no split {split}; there are {', '.join(Split.values)}.")
    version = locked(version)
    if version.status == ModelStatus.DEPRECATED:
        raise Conflict("A deprecated version is not evaluated any more.")
    same = version.evaluations.filter(dataset_version=chosen, evaluated_split=split)
    if same.exclude(status__in=ENDED).exists():
        raise Conflict("This evaluation is under way already.")
    if version.status == ModelStatus.DRAFT:
        version.move(ModelStatus.TESTING)
    made = job_verbs.create_evaluation(version, by=by, dataset_version=chosen, split=split)
    record(by, "evaluate", version, job=str(made.pk), dataset_version=str(chosen.pk), split=split)
    return made


def keep_scores(version: ModelVersion, *, job: TrainingJob, scores: Mapping[str, Any]) -> None:
    """Write what an evaluation on a test split measured onto the version, in the caller's transaction (run.finish).

    Scores on a split the model may have learned from stay with their job: they must not stand where an approver looks.
    """
    if job.evaluated_split != Split.TEST:
        return
    ModelVersion.objects.filter(pk=version.pk).update(evaluation=_evaluation(job, scores), **_measured_columns(scores))
    facts = {"status": str(version.status), "requested_by": version.requested_by_id}
    record(None, "score", version, job=str(job.pk), accuracy=scores.get("accuracy"), **facts)


@transaction.atomic
def revise(version: ModelVersion, *, by: User | None, **texts: str) -> ModelVersion:
    """Change name, description, notes or release notes of a version; its content and what was measured never change."""
    require(by, Permission.REVISE_MODEL, version)
    if unknown := set(texts) - {"name", "description", "notes", "release_notes"}:
        raise Invalid(f"A version's {', '.join(sorted(unknown))} cannot be changed.")
    for name, text in texts.items():
        setattr(version, name, bounded(text, name).strip())
    if not 0 < len(version.name) <= 120:
        raise Invalid("A name has 1 to 120 characters.", errors={"name": ["has 1 to 120 characters"]})
    version.save(update_fields=list(texts))
    record(by, "revise", version, changed=sorted(texts))
    return version


@transaction.atomic
def refuse(version: ModelVersion, *, by: User | None, reason: str) -> ModelVersion:
    """Send a version in testing, or approved and not released, back to draft; a reason is needed."""
    require(by, Permission.APPROVE_MODEL, version)
    if not bounded(reason, "reason").strip():
        raise Invalid("Say why it is refused.", errors={"reason": ["A reason is needed."]})
    trust.lock()
    asked = locked(version).release_requested_at is not None
    version.move(
        ModelStatus.DRAFT,
        approved_by=None,
        approved_at=None,
        approval_notes="",
        release_requested_by=None,
        release_requested_at=None,
    )
    if asked:
        propose_targets(by)
    record(by, "refuse", version, reason=reason)
    return version


@transaction.atomic
def approve(version: ModelVersion, *, by: User | None, notes: str = "", against_gate: str = "") -> ModelVersion:
    """Let a version in testing be released; never by the one who had it trained, unless the house gave up four eyes.

    Where the module's release gate is red, `against_gate` must say why it is approved all the same; it is kept and audited.
    """
    require(by, Permission.APPROVE_MODEL, version)
    if settings.APPROVAL_FOUR_EYES and by is not None and by.pk == version.requested_by_id:
        raise Refused("You had this model trained; another person has to approve it.", code="four_eyes")
    judgement, reason = gate.judge(version), bounded(against_gate, "against_gate").strip()
    if not judgement.is_green and not reason:
        sentence = f"The release gate is red: {'; '.join(judgement.red)}. To approve against it, say why."
        raise Conflict(sentence, code="gate_red", facts={"red": judgement.red})
    facts = {"red": judgement.red, "against_gate": reason} if not judgement.is_green else {}
    version.move(
        ModelStatus.APPROVED,
        gate={**judgement.as_document(), "reason": facts.get("against_gate", "")},
        approved_by=by,
        approved_at=timezone.now(),
        approval_notes=bounded(notes, "notes"),
        four_eyes=settings.APPROVAL_FOUR_EYES,
    )
    record(by, "approve", version, **facts)
    return version


def release(version: ModelVersion, *, by: User | None, release_notes: str = "") -> ModelVersion:
    """Ask for the release and, where the release key is on this machine, sign it at once: then it is released and active.

    Without the key the answer is still approved, and `trust.standing()` says how many signatures it awaits.
    """
    trust.init()
    signers = trust.at_hand()  # files are read before the transaction begins
    with transaction.atomic():
        request_release(version, by=by, release_notes=release_notes)
        sign_at_hand(by=by, signers=signers)
        version.refresh_from_db()
        if version.status == ModelStatus.APPROVED:
            record(by, "await_signatures", trust.opened(), version=str(version.pk))
    return version


@transaction.atomic
def request_release(version: ModelVersion, *, by: User | None, release_notes: str = "") -> ModelVersion:
    """Write the unsigned list of files that holds this version's bundle; only an approved one, once, and within the plan."""
    require(by, Permission.RELEASE_MODEL, version)
    trust.lock()
    version = locked(version)
    if version.status != ModelStatus.APPROVED:
        raise Conflict(f"Only an approved version can be released; this one is {version.status}.")
    if version.release_requested_at is not None:
        raise Conflict(f"Its release was asked for already; it awaits signatures ({trust.standing()}).")
    plan.spend_release(version)
    version.release_requested_by, version.release_requested_at = by, timezone.now()
    version.release_notes = bounded(release_notes, "release_notes")
    version.save(update_fields=["release_requested_by", "release_requested_at", "release_notes"])
    propose_targets(by)
    record(by, "request_release", version, path=version.file_name, sha256=version.bundle.sha256)
    return version


@transaction.atomic
def admit_signature(file: bytes, *, by: User | None, signers: trust.Signers) -> list[ModelVersion]:
    """Take the signatures that key holders brought; with enough of them everything that was asked for takes effect.

    Answers the versions that are released and active by it. `by` is who brought it (None: the command line); what counts is the
    signature. Raises Invalid, Refused or Conflict.
    """
    if by is not None:
        require(by, Permission.RELEASE_MODEL)
    trust.lock()
    request = trust.opened()
    standing = trust.admit(file, signers)
    record(by, "sign", request, standing=str(standing))
    return take_effect(by=by) if standing.is_complete else []


@transaction.atomic
def sign_at_hand(*, by: User | None, signers: trust.Signers) -> list[ModelVersion]:
    """Sign what awaits signatures with the keys of this machine that are asked; answers the versions released by it."""
    standing = trust.sign_at_hand(signers)
    return take_effect(by=by) if standing is not None and standing.is_complete else []


def take_effect(*, by: User | None) -> list[ModelVersion]:
    """Bring versions in line with the lists that were published just now, in the caller's transaction; answers the released."""
    listed = {path for document in trust.lists().values() for path in document.signed.targets}
    released = [version for version in _asked_for() if version.file_name in listed]
    for version in released:
        version.move(ModelStatus.RELEASED, released_at=timezone.now())
        record(by, "release", version, path=version.file_name, sha256=version.bundle.sha256)
        _make_active(version, by=by)
    for version in ModelVersion.objects.awaiting_withdrawal().select_related("module"):
        if version.file_name not in listed:
            ModelVersion.objects.filter(pk=version.pk).update(withdrawn_at=timezone.now())
            record(by, "withdrawn", version, path=version.file_name)
    return released


@transaction.atomic
def activate(version: ModelVersion, *, by: User | None) -> ModelVersion:
    """Make a released version the active one of its organization, user and module; the one before loses that."""
    require(by, Permission.RELEASE_MODEL, version)
    lock_module(version.module_id)
    version.refresh_from_db()
    if not version.is_released:
        raise Conflict(f"Only a released version can be active; this one is {version.status}.")
    if version.is_active:
        raise Conflict("This version is the active one already.")
    _make_active(version, by=by)
    return version


@transaction.atomic
def deprecate(version: ModelVersion, *, by: User | None, reason: str) -> ModelVersion:
    """Retire a version, for a reason: it is offered to no edge any more, and no longer active. What edges run they keep."""
    require(by, Permission.DEPRECATE_MODEL, version)
    if not bounded(reason, "reason").strip():
        raise Invalid("Say why it is deprecated.", errors={"reason": ["A reason is needed."]})
    trust.lock()
    asked = locked(version).status == ModelStatus.APPROVED and version.release_requested_at is not None
    version.move(
        ModelStatus.DEPRECATED,
        is_active=False,
        deprecated_at=timezone.now(),
        deprecation_reason=reason.strip(),
    )
    if asked:
        propose_targets(by)
    record(by, "deprecate", version)
    return version


def _make_active(version: ModelVersion, *, by: User | None) -> None:
    lock_module(version.module_id)
    before = ModelVersion.objects.active().filter(
        organization=version.organization, user_id=version.user_id, module_id=version.module_id
    )
    replaced = before.values_list("pk", flat=True).first()
    before.update(is_active=False)
    ModelVersion.objects.filter(pk=version.pk, status=ModelStatus.RELEASED).update(is_active=True)
    version.is_active = True
    record(by, "activate", version, replaces=str(replaced) if replaced else None)


def propose_targets(by: User | None) -> None:
    """Propose the files of all versions whose release was asked for, which may be none, without those to be withdrawn."""
    waiting = {version.file_name: trust.File(version.bundle.sha256, version.bundle.size) for version in _asked_for()}
    leaving = ModelVersion.objects.awaiting_withdrawal().select_related("module")
    trust.propose(waiting, without={version.file_name for version in leaving}, by=by)


def _asked_for() -> Any:
    asked = ModelVersion.objects.filter(status=ModelStatus.APPROVED, release_requested_at__isnull=False)
    return asked.select_related("module", "bundle").order_by("release_requested_at")


def locked(version: ModelVersion) -> ModelVersion:
    """Read the version again, and keep others from moving it until this transaction ends."""
    version.refresh_from_db(from_queryset=ModelVersion.objects.select_for_update())
    return version


def lock_module(module_id: int) -> None:
    """Let one transaction at a time number or activate versions of a module."""
    list(AiModule.objects.select_for_update(no_key=True).filter(pk=module_id).values_list("pk"))


def next_number(of: TrainingJob | ModelRegistration, *, part: str) -> str:
    """Answer the first number that is free for versions of the same organization, user and module; they must be locked."""
    taken = ModelVersion.objects.filter(organization=of.organization, user_id=of.user_id, module_id=of.module_id)
    numbered = (semver.numbers_of(text) for text in taken.values_list("version", flat=True))
    newest = max((numbers for numbers in numbered if numbers), default=None)
    return semver.spelled(semver.following(newest, part=part))


def _evaluation(job: TrainingJob, scores: Mapping[str, Any]) -> dict[str, Any]:
    own = {name: value for name, value in scores.items() if name != "out_of_fold"}
    return {**own, "dataset_version": str(job.dataset_version), "job": str(job.pk)}


def _measured_columns(metrics: Mapping[str, Any]) -> dict[str, Any]:
    names = {
        "accuracy": "accuracy",
        "precision_score": "precision",
        "recall_score": "recall",
        "f1_score": "f1",
        "inference_time_ms": "inference_time_ms",
    }
    return {column: metrics.get(name) for column, name in names.items()}


def bounded(text: str, name: str) -> str:
    """Answer a sentence of a person's; raises Invalid where it is too long."""
    if len(text) > TEXT_LIMIT:
        raise Invalid(f"{name} is longer than {TEXT_LIMIT:,} characters.", errors={name: ["Too long."]})
    return text
