"""Whether anybody ever said a label or an attribute: only what nobody did may leave a schema, whose values keep their meaning.

Everything that was said is looked through, by the key and a chunk at a time: predictions of samples and corrections of judgements,
of which every truth is one. Whoever asks waits for seconds at most; where that is not enough, a worker looks on, and the next
to ask waits only for what came since.
"""

import json
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

from django.db import transaction
from django.db.models import Max, Min, Q, QuerySet, TextField
from django.db.models.functions import Cast

from learning.models import AiModule, HitlLabel, LabelUse, LearningSample, SchemaPart
from learning.renaming import names_of

CHUNK = 20_000
LATE = 100_000
"""So many keys behind the newest are looked at again: a lower key may be committed later."""
PATIENCE = 2.0
"""So many seconds a person waits for an answer."""

PLACES: tuple[tuple[str, Callable[[], QuerySet[Any]], str, str], ...] = (
    ("samples_until", LearningSample.objects.all, "module", "prediction"),
    ("labels_until", HitlLabel.objects.all, "sample__module", "correction"),
)
"""Where values are said: how far one looked there, the rows, how they know their module, and the column."""


def was_said(module: AiModule, part: SchemaPart, row: Mapping[str, Any], *, patience: float = PATIENCE) -> bool | None:
    """Tell whether a value of the module says this label or attribute, under any of its names; None where it takes too long."""
    use = _use(module.pk, part, row["id"])
    return _look(use, names_of(row), time.monotonic() + patience)


def look_on(module: AiModule, part: SchemaPart, number: int) -> bool:
    """Look to the end and keep what was found, for whoever asks next; may be stopped anywhere and run again."""
    rows = module.schema.labels if part == SchemaPart.LABEL else module.schema.attributes
    names = next((names_of(row) for row in rows if row["id"] == number), ())
    use, is_said = _use(module.pk, part, number), None
    while names and is_said is None:
        is_said = _look(use, names, time.monotonic() + PATIENCE)
        _keep(use)
    return bool(is_said)


def _use(module: int, part: SchemaPart, number: int) -> LabelUse:
    known = LabelUse.objects.filter(module=module, part=part, number=number).first()
    return known or LabelUse(module_id=module, part=part, number=number)


@transaction.atomic
def _keep(use: LabelUse) -> None:
    facts = {"is_said": use.is_said} | {field: max(0, getattr(use, field) - LATE) for field, *_ in PLACES}
    LabelUse.objects.update_or_create(module=use.module, part=use.part, number=use.number, defaults=facts)


def _look(use: LabelUse, names: Collection[str], deadline: float) -> bool | None:
    """Look on from where `use` stands, and note on it how far it came; None where the deadline came first."""
    spelled = {json.dumps(name, ensure_ascii=escapes) for name in names for escapes in (True, False)}
    for field, rows, of_module, column in PLACES:
        ends = rows().aggregate(oldest=Min("pk"), newest=Max("pk"))
        newest = ends["newest"] or 0
        setattr(use, field, max(getattr(use, field), (ends["oldest"] or 1) - 1))
        while not use.is_said and getattr(use, field) < newest:
            if time.monotonic() > deadline:
                return None
            behind = min(getattr(use, field) + CHUNK, newest)
            here = rows().filter(
                pk__gt=getattr(use, field), pk__lte=behind, **{of_module: use.module_id, f"{column}__isnull": False}
            )
            use.is_said = _is_in(here, column, spelled, names, use.part)
            setattr(use, field, behind)
    return use.is_said


def _is_in(rows: QuerySet[Any], column: str, spelled: Collection[str], names: Collection[str], part: str) -> bool:
    """Ask the database for values that hold a name as text, and look whether it is said there."""
    holds = Q()
    for name in spelled:
        holds |= Q(said__contains=name)
    found = rows.alias(said=Cast(column, TextField())).filter(holds).values_list(column, flat=True)
    return any(_says(value, names, part) for value in found.iterator(chunk_size=1_000))


def _says(value: Mapping[str, Any], names: Collection[str], part: str) -> bool:
    parts = [value, *(value.get("boxes") or ())]
    if part == SchemaPart.LABEL:
        return any(each.get("label") in names for each in parts)
    return any(name in names for each in parts for name in each.get("attributes") or ())
