"""Importing many examples: each is taken, known already, or refused with its reason; the same import again changes nothing."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from django.conf import settings

from accounts.models import User
from core.errors import Refusal
from learning import example_files
from learning.actions.example_batch import add_many
from learning.actions.example_writing import Facts
from learning.defects import Defect
from learning.example_files import Columns, Found
from learning.models import AiModule

SHOWN = 20
CHUNK, CHUNK_BYTES = 200, 32 * 2**20
"""So many files, or bytes, are taken at once."""


@dataclass
class Report:
    """What became of an import; `refused` counts reasons, `first_refused` says the first of them."""

    found: int = 0
    added: int = 0
    duplicates: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    first_refused: list[dict[str, str]] = field(default_factory=list)
    labels: Counter[str] = field(default_factory=Counter)

    def refuse(self, source: str, reason: str, detail: str) -> None:
        """Note what was not taken, and why."""
        self.refused[reason] += 1
        if len(self.first_refused) < SHOWN:
            self.first_refused.append({"source": source, "reason": reason, "detail": detail})

    def as_document(self) -> dict[str, object]:
        """Answer it for print."""
        return {
            "found": self.found,
            "added": self.added,
            "duplicates": self.duplicates,
            "refused": sum(self.refused.values()),
            "reasons": dict(self.refused),
            "labels": dict(self.labels),
            "first_refused": self.first_refused,
        }


def run(
    found: Iterable[Found],
    *,
    by: User | None,
    module: AiModule,
    facts: Facts,
    columns: Columns | None = None,
    labels: dict[str, str] | None = None,
    tick: Callable[[Report], None] = lambda report: None,
) -> Report:
    """Import what was found; `facts` holds what is the same of all, `labels` says a label of the source in the schema's words.

    May be stopped anywhere and run again. Not for transactions; raises core.storage.StoreError.
    """
    report, chunk, size = Report(), list[tuple[bytes, Facts]](), 0
    for one in found:
        report.found += 1
        try:
            content = example_files.content_of(one, columns, settings.UPLOAD_MAX_BYTES)
        except Defect as defect:
            report.refuse(one.source, defect.reason, defect.detail)
            continue
        chunk.append((content, replace(facts, source=one.source, label=(labels or {}).get(one.label, one.label))))
        size += len(content)
        if len(chunk) >= CHUNK or size >= CHUNK_BYTES:
            _take(chunk, by, module, report)
            chunk, size = [], 0
            tick(report)
    _take(chunk, by, module, report)
    tick(report)
    return report


def _take(chunk: Sequence[tuple[bytes, Facts]], by: User | None, module: AiModule, report: Report) -> None:
    for (_, facts), outcome in zip(chunk, add_many(chunk, by=by, module=module), strict=True):
        if isinstance(outcome, Refusal):
            report.refuse(facts.source, outcome.code, outcome.detail)
        else:
            report.added += outcome
            report.duplicates += not outcome
            report.labels[facts.label] += outcome


def source_at(path: Path, *, label: str, columns: Columns | None) -> Iterable[Found]:
    """Answer what lies at a path: NPZ files below a folder, or the rows of a CSV."""
    return example_files.in_csv(path, columns) if columns else example_files.in_folder(path, label)
