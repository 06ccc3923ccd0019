"""Verbs on training examples: bringing one in, saying whether its label is right, and its user's consent."""

import io
import uuid
from collections.abc import Sequence

from django.conf import settings
from django.db import IntegrityError, transaction

from accounts.actions.event import record
from accounts.models import User
from accounts.policy import Permission, require
from core.errors import Conflict, Invalid
from core.hooks import SampleChange
from core.storage import ObjectMissing, store
from learning import annotation, features, previews
from learning.actions import city as cities
from learning.actions import ledger
from learning.actions import object as stored_object
from learning.actions import sample as samples
from learning.actions.arrival import name_in
from learning.actions.example_writing import MEDIA_TYPES, Facts, Incoming, event_of, metadata_of, write
from learning.annotation import Rules
from learning.defects import Defect
from learning.features import Expected, Features
from learning.models import (
    AiModule,
    ExampleStatus,
    HitlLabel,
    LearningSample,
    ObjectKind,
    StoredObject,
    Task,
    TrainingExample,
)

MAX_ID = 120
CHUNK = 1_000


def add(content: bytes, *, by: User | None, module: AiModule, facts: Facts) -> tuple[TrainingExample, bool]:
    """Take an NPZ of features into the store, and answer its example and whether it is new.

    The same features of the same user again are the example that is there. File and row are one: both are there or neither.
    `by` is None for the command line. Raises Invalid, Conflict for a record_id or path of other features, or StoreError. Not
    for transactions.
    """
    check_module(by, module)
    check_facts(facts, Rules.of(module.schema))
    found = inspected(content, module)
    if known := _known(facts, found.sha256):
        return known, False
    kept: list[StoredObject] = []
    try:
        kept.append(_store(content, ObjectKind.FEATURES, facts, found, by))
        drawing = previews.preview(io.BytesIO(content))
        kept.append(_store(drawing, ObjectKind.THUMBNAIL, facts, found, by))
        kept[0].thumbnail = kept[1]
        return write(module, [Incoming(facts, found, kept[0])], by)[0], True
    except BaseException as error:
        samples.discard(kept)
        known = _known(facts, found.sha256) if isinstance(error, IntegrityError) else None
        if known is None:
            raise
        return known, False  # the same features came twice at the same moment


def add_stored(
    reference: str, *, by: User, module: AiModule, facts: Facts, adopt: bool = False
) -> tuple[TrainingExample, bool]:
    """Make an example of features that lie in the store already, named by their reference; it is parsed, never followed.

    `adopt` lets it name an object that no row of the hub knows yet. Raises as `add` does.
    """
    check_module(by, module)
    check_facts(facts, Rules.of(module.schema))
    obj = _referenced(reference, adopt=adopt)
    try:
        with store(obj.alias).open_object(obj.name) as stream:
            content = stream.read(settings.UPLOAD_MAX_BYTES + 1)
    except ObjectMissing as error:
        raise _unknown_reference() from error
    found = inspected(content, module, sha256=obj.sha256)
    if known := _known(facts, found.sha256):
        return known, False
    drawn: list[StoredObject] = []
    try:
        if obj.thumbnail_id is None:
            drawing = previews.preview(io.BytesIO(content))
            drawn.append(_store(drawing, ObjectKind.THUMBNAIL, facts, found, by))
            obj.thumbnail = drawn[0]
        return write(module, [Incoming(facts, found, obj)], by)[0], True
    except BaseException as error:
        samples.discard(drawn)
        known = _known(facts, found.sha256) if isinstance(error, IntegrityError) else None
        if known is None:
            raise
        return known, False


def confirm(example: TrainingExample, *, by: User) -> HitlLabel | None:
    """Say that the label is right; None where that is known already."""
    return samples.correct(example.sample, by=by, value={"label": example.label})


def correct(example: TrainingExample, *, by: User, label: str, notes: str = "") -> HitlLabel | None:
    """Say what the label is instead; None where it is that already."""
    return samples.correct(example.sample, by=by, value={"label": label}, notes=notes)


@transaction.atomic
def set_consent(user_id: str, *, by: User, given: bool, examples: Sequence[uuid.UUID] | None = None) -> int:
    """Note that a user gave or withdrew consent, for these examples or for all of theirs; answers how many changed.

    What was frozen keeps what it has; no version frozen from now on holds an example without consent.
    """
    require(by, Permission.CURATE_SAMPLES)
    rows = TrainingExample.objects.filter(user_id=user_id).exclude(consent_given=given)
    if examples is not None:
        rows = rows.filter(pk__in=examples)
    first = rows.order_by("pk").first()
    changed = rows.update(consent_given=given)
    if changed and first is not None:
        record(by, "consent" if given else "withdraw_consent", first, user_id=user_id, examples=changed)
    return changed


def follow_truth(changes: Sequence[SampleChange]) -> None:
    """Keep the label of examples what is true of their samples; called within the verb that changed it."""
    keys = [change.sample for change in changes if change.task in ("", Task.FEATURES)]  # no other module has examples
    for start in range(0, len(keys), CHUNK):
        changed = []
        for example in TrainingExample.objects.filter(sample__in=keys[start : start + CHUNK]).select_related("sample"):
            value = example.sample.truth or example.sample.prediction or {}
            if value.get("label") and value["label"] != example.label:
                example.label = value["label"]
                changed.append(example)
        TrainingExample.objects.bulk_update(changed, ["label"])


def check_module(by: User | None, module: AiModule) -> None:
    """Raise Refused or Invalid where `by` may bring no examples, or the module takes none."""
    if by is not None:
        require(by, Permission.CURATE_SAMPLES)
    if module.task != Task.FEATURES:
        raise Invalid(f"{module.name} takes {module.task}, not features.", errors={"modality": ["is no module of features"]})


def check_facts(facts: Facts, rules: Rules) -> None:
    """Raise Invalid where what is said of an example makes no sense."""
    for name in ("user_id", "session_id", "performer_id"):
        value = getattr(facts, name)
        if value is not None and not (0 < len(value) <= MAX_ID and value.isprintable()):
            sentence = f"{name} is plain text of 1 to {MAX_ID} characters."
            raise Invalid(sentence, errors={name: [sentence]})
    if facts.label_status not in ExampleStatus.values:
        sentence = f"label_status is one of {', '.join(ExampleStatus.values)}."
        raise Invalid(sentence, errors={"label_status": [sentence]})
    if not facts.label:
        raise Invalid("An example has a label.", errors={"label": ["is needed"]})
    if "\0" in facts.source:
        raise Invalid("A path holds no NUL.")
    annotation.check({"label": facts.label}, rules)


def inspected(content: bytes, module: AiModule, sha256: str = "") -> Features:
    """Answer what an NPZ holds; raises Invalid where it is not what the module takes."""
    expected = Expected(module.encoding, module.dims or 0)
    try:
        return features.inspect(
            io.BytesIO(content),
            sha256=sha256,
            encoding=module.encoding,
            expected=expected,
            max_bytes=settings.UPLOAD_MAX_BYTES,
        )
    except Defect as defect:
        raise Invalid(defect.detail, code=defect.reason) from defect


def _known(facts: Facts, sha256: str) -> TrainingExample | None:
    """Answer the example of these features; raises Conflict where its path or record is of other features."""
    rows = TrainingExample.objects.select_related("sample__city", "sample__object__thumbnail", "sample__module")
    if same := rows.filter(user_id=facts.user_id, features_hash=f"sha256:{sha256}").first():
        return same
    if facts.record_id is not None and rows.filter(record_id=facts.record_id).exists():
        raise Conflict("There is another example of this record_id.", code="record_id_conflict")
    if facts.source and LearningSample.objects.filter(city=cities.hub(), event_id=event_of(facts, sha256)).exists():
        raise Conflict("There is another file under this path.", code="event_id_conflict")
    ledger.refuse_erased(cities.hub(), event_of(facts, sha256))
    return None


def _referenced(reference: str, *, adopt: bool) -> StoredObject:
    name = name_in(reference)
    if not name or store().reference(name) != reference:
        raise _unknown_reference()
    obj = StoredObject.objects.filter(name=name).first()
    if obj is None and adopt:
        return StoredObject(name=name, kind=ObjectKind.FEATURES, media_type=features.MEDIA_TYPE, size=0)
    if obj is None or obj.kind != ObjectKind.FEATURES or obj.deleted_at is not None:
        raise _unknown_reference()
    return obj


def _unknown_reference() -> Invalid:
    sentence = "This reference names no features in the hub's store."
    return Invalid(sentence, code="reference_unknown", errors={"features_uri": [sentence]})


def _store(content: bytes, kind: ObjectKind, facts: Facts, found: Features, by: User | None) -> StoredObject:
    return stored_object.store_bytes(
        content, kind=kind, media_type=MEDIA_TYPES[kind], metadata=metadata_of(facts, found), owner=by
    )
