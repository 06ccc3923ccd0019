"""Verbs on datasets: what a rule gathers, and counts that are always true."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection, transaction
from django.db.models import BigIntegerField, Count, F, OuterRef, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Cast
from django.utils import timezone

from accounts.actions.event import record
from accounts.models import Organization, User
from accounts.policy import Permission, require
from core.errors import Conflict, Invalid
from core.hooks import SampleChange
from core.ids import new_id
from core.prepared import Prepared
from learning.models import AiModule, HitlLabel, LearningSample, SampleState
from learning.models.label import LabelSource
from training import plan, semver
from training.models import DatasetDelta, DatasetStatus, Environment, TrainingDataset, TrainingSample
from training.rule import Rule
from training.saving import save_new

CHUNK = 5_000
MAX_DESCRIPTION = 10_000
FOLD_FROM = 50

# the key is time-ordered (UUID version 7): 48 bits of the clock from Python, the rest by the database's own randomness
DIALECT = {
    "postgresql": {
        "new_key": "(%s || '7' || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid",
        "lock": "FOR SHARE OF learning_samples",
    },
    "sqlite": {
        "new_key": "%s || '7' || substr(lower(hex(randomblob(2))), 2) || '8' || substr(lower(hex(randomblob(8))), 2)",
        "lock": "",
    },
}
INSERT = """
    INSERT INTO training_samples
        (id, dataset_id, sample_id, labeled_by_id, metadata, is_labeled, is_verified, rejection_reason, created_at)
    SELECT {new_key}, %s, chosen.id, chosen.label_maker, '{{}}', %s, %s, '', %s
    FROM ({select} {lock}) AS chosen WHERE true
    ON CONFLICT (dataset_id, sample_id) DO NOTHING
"""


@transaction.atomic
def add(
    *,
    by: User,
    name: str,
    module: AiModule,
    description: str = "",
    organization: Organization | None = None,
    rule: Mapping[str, Any] | None = None,
    environment: str = Environment.DEV,
    version: str = "v0.1.0",
) -> TrainingDataset:
    """Make an empty dataset of `module`; raises Invalid, Refused by the plan, or Conflict where the name is taken."""
    require(by, Permission.MANAGE_DATASETS, organization)
    plan.allow_dataset(organization)
    dataset = TrainingDataset(
        organization=organization,
        name=name.strip(),
        module=module,
        description=_bounded(description),
        label_schema=module.schema.as_document(),
        environment=environment,
        version=semver.checked(version),
        rule=Rule.read(rule or {}).as_document(),
        created_by=by,
    )
    save_new(dataset, taken=f"There is a dataset {name} {version} already.")
    record(by, "add", dataset, name=dataset.name, module=module.slug, rule=dataset.rule)
    return dataset


@transaction.atomic
def revise(dataset: TrainingDataset, *, by: User, **changes: Any) -> TrainingDataset:
    """Change name, description, environment or rule of a dataset; what it holds already, it keeps."""
    require(by, Permission.MANAGE_DATASETS, dataset)
    refuse_archived(dataset)
    if unknown := set(changes) - {"name", "description", "environment", "rule"}:
        raise Invalid(f"A dataset's {', '.join(sorted(unknown))} cannot be changed.")
    if "rule" in changes:
        changes["rule"] = Rule.read(changes["rule"] or {}).as_document()
    if "description" in changes:
        changes["description"] = _bounded(changes["description"])
    if "environment" in changes and changes["environment"] not in Environment.values:
        raise Invalid(f"The environment is one of {', '.join(Environment.values)}.")
    if "name" in changes:
        changes["name"] = _free_name(dataset, changes["name"])
    for field, value in changes.items():
        setattr(dataset, field, value)
    dataset.save(update_fields=[*changes, "updated_at"])
    record(by, "revise", dataset, **{key: value for key, value in changes.items() if key != "description"})
    return dataset


def refresh(dataset: TrainingDataset, *, by: User | None) -> int:
    """Add all settled samples that the rule selects and the dataset lacks; answers how many.

    Works in chunks, each with its count in one transaction, so that it may be stopped anywhere and run again. A dataset
    that holds something is active.
    """
    if by is not None:
        require(by, Permission.MANAGE_DATASETS, dataset)
    refuse_archived(dataset)
    matching = Rule.read(dataset.rule).samples(dataset.module, dataset.organization)
    added = last = 0
    try:
        while ids := list(matching.filter(id__gt=last).order_by("id").values_list("id", flat=True)[:CHUNK]):
            added += gather(dataset, matching.filter(id__gt=last, id__lte=ids[-1]))
            last = ids[-1]
    finally:  # what was added before a plan's limit was met stays
        if added:
            with transaction.atomic():
                activate(dataset)
                record(by, "refresh", dataset, added=added)
    return added


@transaction.atomic
def archive(dataset: TrainingDataset, *, by: User) -> TrainingDataset:
    """Put a dataset away: it stays readable, grows no more, and its versions stay; twice is success."""
    require(by, Permission.MANAGE_DATASETS, dataset)
    if dataset.status != DatasetStatus.ARCHIVED:
        dataset.move(DatasetStatus.ARCHIVED, updated_at=timezone.now())
        record(by, "archive", dataset)
    return dataset


def follow_truth(changes: Sequence[SampleChange]) -> None:
    """Keep is_labeled, is_verified and the counts of all datasets true where samples' truths changed.

    Called within the verb that changed them. A truth that changed has not been verified.
    """
    if len(changes) == 1 and _OF_SAMPLE.first(sample=changes[0].sample) is None:  # most are judged before a dataset has them
        return
    for start in range(0, len(changes), CHUNK):
        chunk = changes[start : start + CHUNK]
        settled = [change.sample for change in chunk if change.new_state == SampleState.SETTLED]
        others = [change.sample for change in chunk if change.new_state != SampleState.SETTLED]
        changed = [change.sample for change in chunk if change.new_truth != change.old_truth]
        again = {change.sample for change in chunk if change.old_truth and change.new_truth != change.old_truth}
        relabelled = sorted(again.intersection(settled))
        places = TrainingSample.objects.all()
        if relabelled:
            places.filter(sample__among=relabelled, is_labeled=True).update(labeled_by=_annotator("sample"))
        unverified = {"is_verified": False, "verified_by": None}
        _mark(places.filter(sample__among=[*others, *changed], is_verified=True), "verified", **unverified)
        _mark(places.filter(sample__among=others, is_labeled=True), "labeled", is_labeled=False, labeled_by=None)
        waiting = places.filter(sample__among=settled, is_labeled=False)
        _mark(waiting, "labeled", is_labeled=True, labeled_by=_annotator("sample"))


_OF_SAMPLE = Prepared(lambda sample: TrainingSample.objects.filter(sample=sample).only("pk")[:1], sample=int)


@transaction.atomic
def gather(
    dataset: TrainingDataset, samples: QuerySet[LearningSample], *, is_labeled: bool = True, size: int | None = None
) -> int:
    """INSERT … SELECT the samples that are not in the dataset yet, with their count; answers how many. Raises Refused.

    `size` is what they bring in bytes, where that is counted already.
    """
    size = plan.spend_bytes(dataset, samples) if size is None else size
    # FOR SHARE, so that a truth that changes meanwhile waits, and then finds its row here
    maker = _annotator("pk") if is_labeled else Cast(Value(None), BigIntegerField())
    chosen = samples.annotate(label_maker=maker).order_by("id").values_list("id", "label_maker")
    select, params = chosen.query.sql_with_params()
    key = TrainingDataset._meta.get_field("id").get_db_prep_value(dataset.pk, connection)
    with connection.cursor() as cursor:
        cursor.execute(
            INSERT.format(select=select, **DIALECT[connection.vendor]),
            [new_id().hex[:12], key, is_labeled, False, timezone.now(), *params],
        )
        added = int(cursor.rowcount)
    if added:
        DatasetDelta.objects.create(dataset=dataset, samples=added, labeled=added if is_labeled else 0, bytes=size)
    return added


def activate(dataset: TrainingDataset) -> None:
    """Make a draft that holds something active, in the caller's transaction."""
    if TrainingDataset.objects.filter(pk=dataset.pk, status=DatasetStatus.DRAFT).update(status=DatasetStatus.ACTIVE):
        dataset.status = DatasetStatus.ACTIVE


def refuse_archived(dataset: TrainingDataset) -> None:
    """Raise Conflict for a dataset that was put away."""
    if dataset.status == DatasetStatus.ARCHIVED:
        raise Conflict(f"The dataset {dataset.name} is archived: it changes no more.", facts={"state": dataset.status})


def fold_deltas() -> int:
    """Make one row of the many deltas of each dataset that has many; answers how many datasets were folded."""
    counted = DatasetDelta.objects.values("dataset").annotate(rows=Count("id")).filter(rows__gt=FOLD_FROM)
    datasets = list(counted.values_list("dataset", flat=True))
    for dataset in datasets:
        _fold(dataset)
    return len(datasets)


@transaction.atomic
def _fold(dataset: Any) -> None:
    ids = list(
        DatasetDelta.objects.select_for_update().filter(dataset=dataset).order_by("id").values_list("id", flat=True)[:CHUNK]
    )
    rows = DatasetDelta.objects.filter(id__in=ids)
    sums = rows.aggregate(**{column: Sum(column) for column in ("samples", "labeled", "verified", "bytes")})
    rows.delete()
    DatasetDelta.objects.create(dataset_id=dataset, **{name: total or 0 for name, total in sums.items()})


def _mark(places: QuerySet[TrainingSample], count: str, **values: Any) -> None:
    """Set `values` on these places and move `count` of their datasets by as many.

    They are locked first, and their samples by the verb: no other can come to be among them meanwhile.
    """
    found = Counter(places.select_for_update().values_list("dataset_id", flat=True))
    if not found:
        return
    places.update(**values)
    step = 1 if values[f"is_{count}"] else -1
    DatasetDelta.objects.bulk_create(
        DatasetDelta(dataset_id=dataset, **{count: step * rows}) for dataset, rows in found.items()
    )


def _annotator(sample: str) -> Subquery:
    """Select the person who judged the sample last; null where only its city did."""
    judged = HitlLabel.objects.filter(sample=OuterRef(sample), annotator__isnull=False).exclude(label_source=LabelSource.GOLD)
    # not by "-id": PostgreSQL would walk back over the newest labels of all samples to find those of each
    return Subquery(judged.order_by((F("id") + 0).desc()).values("annotator")[:1])


def _bounded(description: str) -> str:
    if len(description) > MAX_DESCRIPTION:
        raise Invalid(f"A description may have {MAX_DESCRIPTION} characters at most.")
    return description.strip()


def _free_name(dataset: TrainingDataset, name: str) -> str:
    name = name.strip()
    if not 0 < len(name) <= 120:
        raise Invalid("A name has 1 to 120 characters.", errors={"name": ["has 1 to 120 characters"]})
    taken = TrainingDataset.objects.filter(organization=dataset.organization, name=name, version=dataset.version)
    if taken.exclude(pk=dataset.pk).exists():
        raise Conflict(f"There is a dataset {name} {dataset.version} already.")
    return name
