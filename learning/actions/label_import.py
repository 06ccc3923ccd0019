"""Letting count what an import says of samples: as their truth, as one person's judgement, or as a prediction; set-wise.

Each verb runs in the caller's transaction, locks its samples, and answers which of them could not take what was said, and why.
An older annotation that the file held beside the newest is kept as a label which that one supersedes: it makes no truth.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from django.db import connection
from django.db.models import Max, TextField
from django.db.models.functions import Cast
from django.utils import timezone

from accounts.models import User
from core.bulk import take_keys, write
from core.hooks import SampleChange
from core.lookups import SEPARATOR
from learning.actions.counting import count
from learning.actions.settling import announce
from learning.annotation import Rules
from learning.models import (
    AiModule,
    HitlLabel,
    LabelSchema,
    LabelStatus,
    LearningSample,
    ReviewSlot,
    SampleState,
    SlotState,
)
from learning.models.label import LabelSource
from learning.models.review import SlotKind

WAITING = (SlotState.OPEN, SlotState.LEASED)
CORRECT, CHANGED = LabelStatus.CORRECT.value, LabelStatus.CHANGED.value
COLUMNS = {
    "truth": "state = said.state, truth = said.value{json}, truth_sha256 = said.sha256, label_status = said.status",
    "prediction": "state = said.state, prediction = said.value{json}, predicted_by = %s{json}, confidence = said.confidence",
}
SAID = {
    "postgresql": "unnest(%s::bigint[], string_to_array(%s, '\x1f'), string_to_array(%s, '\x1f', ''), string_to_array(%s, '\x1f'),"
    " string_to_array(%s, '\x1f'), string_to_array(%s, '\x1f', '')::float[]) AS said(id, state, value, sha256, status, confidence)",
    "sqlite": "(SELECT value->>0 AS id, value->>1 AS state, value->>2 AS value, value->>3 AS sha256, value->>4 AS status,"
    " value->>5 AS confidence FROM json_each(%s)) AS said",
}
JSON = {"postgresql": "::jsonb", "sqlite": ""}


class Said(NamedTuple):
    """What an import says of one sample: the value as JSON text, with its canonical hash; `earlier` are older values, as JSON.

    `is_as_predicted` where the value is the sample's prediction.
    """

    sample: int
    value: str | None = None
    sha256: str = ""
    is_as_predicted: bool = False
    confidence: float | None = None
    earlier: str | None = None


@dataclass
class Heard:
    """What came of it: how many samples changed, how many said the same already, and why others were let be, by their keys."""

    changed: int = 0
    unchanged: int = 0
    refused: dict[int, str] = field(default_factory=dict)


class _Row(NamedTuple):
    pk: int
    sample_id: str
    state: str
    truth_sha256: str
    city_id: int
    prediction: str | None
    priority: int
    erased_at: datetime | None


def as_truth(said: Sequence[Said], *, by: User, module: AiModule) -> Heard:
    """Settle samples by what is said of them: a new label of `by` each, which is their truth from now on.

    Slots that wait are closed; who holds a lease may still send their judgement, late. What is excluded or erased is let be.
    """
    heard, rows = Heard(), _locked(said)
    chosen = []
    for one in said:
        row = rows[one.sample]
        if reason := _refusal(row):
            heard.refused[one.sample] = reason
        elif row.state == SampleState.SETTLED and row.truth_sha256 == one.sha256:
            heard.unchanged += 1
        else:
            chosen.append((one, row))
    if not chosen:
        return heard
    own = _own_corrections([row.pk for _, row in chosen if row.state != SampleState.RECEIVED], by)
    _write_labels(chosen, by, module.schema, own)
    seen = [row.pk for _, row in chosen if row.state != SampleState.RECEIVED]
    ReviewSlot.objects.filter(sample__among=seen, state__in=WAITING).update(state=SlotState.VOID)
    _update("truth", [(one, SampleState.SETTLED, _status(one)) for one, _ in chosen])
    announce(
        SampleChange(row.pk, row.state, SampleState.SETTLED, row.truth_sha256, one.sha256, module.task) for one, row in chosen
    )
    heard.changed = len(chosen)
    return heard


def as_prediction(said: Sequence[Said], *, module: AiModule, predicted_by: dict[str, Any]) -> Heard:
    """Give samples a prediction that waits for review; one that anybody judged keeps what they judged."""
    heard, rows = Heard(), _locked(said)
    judged = set(HitlLabel.objects.standing().filter(sample__among=list(rows)).values_list("sample_id", flat=True))
    chosen = []
    for one in said:
        row = rows[one.sample]
        reason = _refusal(row) or ("judged_already" if row.pk in judged or row.state == SampleState.SETTLED else "")
        if reason:
            heard.refused[one.sample] = reason
        else:
            chosen.append((one, row))
    by_import = msgspec.json.encode(predicted_by).decode()
    _update("prediction", [(one, SampleState.PENDING, "") for one, _ in chosen], by_import)
    new = [row for _, row in chosen if row.state == SampleState.RECEIVED]
    announce(SampleChange(row.pk, row.state, SampleState.PENDING, "", "", module.task) for row in new)
    _open(module, new)
    heard.changed = len(chosen)
    return heard


def as_judgement(said: Sequence[Said], *, by: User, module: AiModule) -> Heard:
    """Count what is said as one judgement of `by`: settled, disputed, or waiting for others, as the module's policy has it."""
    heard, rows, schema = Heard(), _locked(said), module.schema
    _let_wait([rows[one.sample] for one in said if rows[one.sample].state == SampleState.RECEIVED])
    samples = LearningSample.objects.select_related("module", "city", "object").in_bulk([one.sample for one in said])
    judged = HitlLabel.objects.standing().filter(sample__among=list(rows), annotator=by, label_source=LabelSource.REVIEW)
    mine = set(judged.values_list("sample_id", flat=True))
    leased = ReviewSlot.objects.filter(sample__among=list(rows), lease_user=by, state__in=[SlotState.LEASED, SlotState.DONE])
    busy = set(leased.filter(kind__in=[SlotKind.NORMAL, SlotKind.GOLD]).values_list("sample_id", flat=True))
    last = dict(ReviewSlot.objects.filter(sample__among=list(rows)).values_list("sample_id").annotate(Max("slot_no")))
    rules = Rules.of(schema)
    for one in said:
        row = rows[one.sample]
        reason = _gone(row) or ("judged_already" if row.pk in mine else "in_work" if row.pk in busy else "")
        if reason:
            heard.refused[one.sample] = reason
            continue
        [label] = _write_labels([(one, row)], by, schema, {}, LabelSource.REVIEW)
        slot = _judged_slot(samples[row.pk], label, by, last.get(row.pk, 0) + 1)
        count(slot, HitlLabel.objects.get(pk=label), rules, late=True)
        heard.changed += 1
    return heard


def as_unlabelled(keys: Sequence[int], *, module: AiModule) -> int:
    """Let new samples of which nothing is said wait for review; answers how many there were."""
    rows = _locked([Said(key) for key in keys])
    new = [row for row in rows.values() if row.state == SampleState.RECEIVED]
    _let_wait(new)
    _open(module, new)
    return len(new)


def _locked(said: Sequence[Said]) -> dict[int, _Row]:
    keys = [one.sample for one in said]
    rows = LearningSample.objects.select_for_update(of=("self",), no_key=True).filter(pk__among=keys).order_by("id")
    columns = ("pk", "sample_id", "state", "truth_sha256", "city_id", "prediction_json", "priority", "erased_at")
    found = rows.annotate(prediction_json=Cast("prediction", TextField())).values_list(*columns)
    return {row[0]: _Row._make(row) for row in found}


def _gone(row: _Row) -> str:
    return "erased" if row.erased_at else ""


def _refusal(row: _Row) -> str:
    return _gone(row) or ("sample_excluded" if row.state == SampleState.EXCLUDED else "")


def _status(one: Said) -> str:
    return CORRECT if one.is_as_predicted else CHANGED


def _own_corrections(keys: Sequence[int], by: User) -> dict[int, int]:
    """Answer the label of `by` that each sample's new one supersedes, where there is one."""
    own = HitlLabel.objects.standing().filter(sample__among=keys, annotator=by, label_source=LabelSource.CORRECTION)
    return dict(own.order_by("id").values_list("sample_id", "pk"))


def _write_labels(
    said: Sequence[tuple[Said, _Row]],
    by: User,
    schema: LabelSchema,
    own: dict[int, int],
    source: LabelSource = LabelSource.CORRECTION,
) -> list[int]:
    """Write the labels, each behind the older ones that it supersedes; answers the keys of the newest, in order."""
    lines: list[tuple[Said, _Row, Any, bool]] = []
    for one, row in said:
        older = msgspec.json.decode(one.earlier, type=list[msgspec.Raw]) if one.earlier else []
        lines += [(one, row, value, False) for value in older]
        lines.append((one, row, None if one.is_as_predicted else msgspec.Raw((one.value or "{}").encode()), True))
    keys = take_keys(HitlLabel, len(lines))
    above: list[int | None] = []
    for place, (_, row, _, _) in enumerate(lines):
        is_first = not place or lines[place - 1][1] is not row
        above.append(own.get(row.pk) if is_first else keys[place - 1])
    correct = [newest and one.is_as_predicted for one, _, _, newest in lines]
    columns = {
        "id": keys,
        "sample_id": [row.pk for _, row, _, _ in lines],
        "city_id": [row.city_id for _, row, _, _ in lines],
        "schema_id": schema.pk,
        "label_status": [CORRECT if is_same else CHANGED for is_same in correct],
        "decision": ["correct" if is_same else "change" for is_same in correct],
        "prediction": [_raw(row.prediction) for _, row, _, _ in lines],
        "correction": [value for _, _, value, _ in lines],
        "labeled_at": timezone.now(),
        "annotator_id": by.pk,
        "label_source": [source.value if newest else LabelSource.CORRECTION.value for *_, newest in lines],
        "supersedes_id": above,
    }
    write(HitlLabel, len(lines), columns)
    return [key for key, (*_, newest) in zip(keys, lines, strict=True) if newest]


def _raw(text: str | None) -> msgspec.Raw | None:
    return None if text is None else msgspec.Raw(text.encode())


def _update(what: str, said: Sequence[tuple[Said, str, str]], *more: str) -> None:
    """Write state and value of many samples in one statement."""
    if not said:
        return
    rows = [(one.sample, str(state), one.value, one.sha256, status, one.confidence) for one, state, status in said]
    vendor = connection.vendor
    # as texts that the database takes apart: the driver quotes each element of a list, and no JSON has the separator
    keys, *columns = ([("" if each is None else str(each)) for each in column] for column in zip(*rows, strict=True))
    texts = [f"{{{','.join(keys)}}}", *map(SEPARATOR.join, columns)]
    table = connection.ops.quote_name(LearningSample._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET {COLUMNS[what].format(json=JSON[vendor])} FROM {SAID[vendor]}"  # noqa: S608  (our own words)
            f" WHERE {table}.id = said.id",
            [*more, *(texts if vendor == "postgresql" else [msgspec.json.encode(rows).decode()])],
        )


def _let_wait(rows: Sequence[_Row]) -> None:
    """Show new samples, which have no truth yet."""
    keys = [row.pk for row in rows]
    LearningSample.objects.filter(pk__among=keys).update(state=SampleState.PENDING)
    announce(SampleChange(key, SampleState.RECEIVED, SampleState.PENDING, "", "") for key in keys)


def _open(module: AiModule, rows: Iterable[_Row]) -> None:
    """Open the first slot of each new sample."""
    ReviewSlot.objects.bulk_create(
        ReviewSlot.opened(LearningSample(pk=row.pk, sample_id=row.sample_id, module=module, priority=row.priority))
        for row in rows
    )


def _judged_slot(sample: LearningSample, label: int, by: User, number: int) -> ReviewSlot:
    """Write the slot of a judgement that was made elsewhere, so that it is one like any other."""
    now = timezone.now()
    slot = ReviewSlot.opened(sample, slot_no=number)
    slot.state, slot.lease_user, slot.lease_until, slot.leased_at, slot.label_id = SlotState.DONE, by, now, now, label
    slot.save(force_insert=True)
    return slot
