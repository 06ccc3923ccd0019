"""Walking two versions side by side, by the samples' keys: who came, who went, whose truth, group or split is another.

Both manifests list their members in the order of the keys, which the members' rows hold, so three short streams a version are
enough, and lines that are the same byte for byte are not even read.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from training import local
from training.manifest import labels_of
from training.models import DatasetMember, DatasetVersion

CHUNK = 5_000
KINDS = ("added", "removed", "relabelled", "regrouped", "moved")
"""`moved` is to another split, which the hub itself never does."""
MOST_CLASSES = 200
SHOWN_OF_CLASS, SHOWN_OF_KIND = 6, 60
MOST_BYTES = 400_000
"""So much of truths is kept to be drawn."""
NO_LABEL = ""


class Unequal(Exception):
    """The files of a version and its members' rows do not belong together."""


class Place(NamedTuple):
    """A member's key and its two lines as they stand in the files."""

    key: int
    line: bytes
    truth: bytes


@dataclass
class Difference:
    """What was found so far; truths are kept only of those that are shown."""

    counts: Counter[str] = field(default_factory=Counter)
    classes: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    splits: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    changes: list[dict[str, Any]] = field(default_factory=list)
    shown: Counter[tuple[str, str]] = field(default_factory=Counter)
    bytes_left: int = MOST_BYTES

    def take(self, old: Place | None, new: Place | None) -> None:
        """Count one member, which is in one version or in both."""
        if old and new and old.line == new.line:
            self.counts["same"] += 1
            return
        before, after = (_read(place) if place else None for place in (old, new))
        sides = [side for side in (before, after) if side]
        if any(side["truth"] is None for side in sides):
            self.counts["erased"] += 1
            return
        kinds = [kind for kind in KINDS if _is(kind, before, after)]
        for kind in kinds:
            self.counts[kind] += 1
            self.splits[kind][sides[-1]["split"]] += 1
        if not kinds:
            self.counts["same"] += 1
            return
        labels = self._count_classes(kinds[0], before, after)
        self._show(kinds[0], labels, before, after)

    def _count_classes(self, kind: str, before: dict[str, Any] | None, after: dict[str, Any] | None) -> list[str]:
        """Count by class what came and went with this member; answers the classes it concerns."""
        had, has = (Counter(labels_of(side["truth"])) if side else Counter() for side in (before, after))
        lost, gained = had - has, has - had
        for label, count in lost.items():
            self.classes[label]["lost" if kind == "relabelled" else "removed"] += count
        for label, count in gained.items():
            self.classes[label]["gained" if kind == "relabelled" else "added"] += count
        concerned = [*lost, *gained]
        if kind == "relabelled" and not concerned:  # the same labels: a box or a text is another
            concerned = list(has)
            for label in has:
                self.classes[label]["redrawn"] += 1
        return list(dict.fromkeys(concerned)) or [NO_LABEL]

    def _show(self, kind: str, labels: list[str], before: dict[str, Any] | None, after: dict[str, Any] | None) -> None:
        """Keep this change to be drawn, while there are few of its kind and of one of its classes."""
        wanted = [label for label in labels if self.shown[kind, label] < SHOWN_OF_CLASS]
        side = after or before
        assert side is not None
        if not wanted or self.shown[kind, "\n"] >= SHOWN_OF_KIND:
            return
        change = {
            "kind": kind,
            "sample_id": side["sample_id"],
            "labels": labels[:20],
            "before": before and _facts(before),
            "after": after and _facts(after),
        }
        size = len(orjson.dumps(change))
        if size > self.bytes_left:
            return
        self.bytes_left -= size
        self.changes.append(change)
        self.shown.update([(kind, "\n"), *((kind, label) for label in wanted)])

    def as_document(self) -> dict[str, Any]:
        """Spell it as a comparison keeps it: of the 200 classes that changed most."""
        most = sorted(self.classes, key=lambda label: (-self.classes[label].total(), label))[:MOST_CLASSES]
        names = ("same", "erased", *KINDS)
        return {
            "counts": {name: self.counts[name] for name in names},
            "classes": {label: dict(self.classes[label]) for label in most},
            "splits": {kind: dict(counts) for kind, counts in self.splits.items()},
            "changes": self.changes,
        }


def compare(before: DatasetVersion, after: DatasetVersion, tick: Callable[[int], None]) -> dict[str, Any]:
    """Answer what differs, as `Difference` spells it; `tick` is told how many members were read, and may raise.

    Raises Unequal, or StoreError where the files cannot be had.
    """
    found, done = Difference(), 0
    with ExitStack() as stack:
        olds, news = (_places(version, stack) for version in (before, after))
        old, new = next(olds, None), next(news, None)
        while old or new:
            if new is None or (old and old.key < new.key):
                found.take(old, None)
                old = next(olds, None)
            elif old is None or new.key < old.key:
                found.take(None, new)
                new = next(news, None)
            else:
                found.take(old, new)
                old, new = next(olds, None), next(news, None)
            done += 1
            if done % CHUNK == 0:
                tick(done)
    return found.as_document()


def _places(version: DatasetVersion, stack: ExitStack) -> Iterator[Place]:
    assert version.manifest is not None
    assert version.truth is not None
    paths = [local.cached(kept.name, kept.alias, kept.sha256) for kept in (version.manifest, version.truth)]
    lines, truths = (stack.enter_context(path.open("rb")) for path in paths)
    try:
        for key, line, truth in zip(_keys(version), lines, truths, strict=True):
            yield Place(key, line, truth)
    except ValueError as error:
        raise Unequal(f"The files of {version} do not list its members; verify the version.") from error


def _keys(version: DatasetVersion) -> Iterator[int]:
    rows, last = DatasetMember.objects.filter(version=version).order_by("sample_id").values_list("sample_id", flat=True), 0
    while chunk := list(rows.filter(sample__gt=last)[:CHUNK]):
        yield from chunk
        last = chunk[-1]


def _read(place: Place) -> dict[str, Any]:
    return {**orjson.loads(place.line), "truth": orjson.loads(place.truth)["truth"]}


def _is(kind: str, before: dict[str, Any] | None, after: dict[str, Any] | None) -> bool:
    if before is None or after is None:
        return kind == ("removed" if before else "added")
    column = {"relabelled": "truth_sha256", "regrouped": "group", "moved": "split"}.get(kind)
    return column is not None and before[column] != after[column]


def _facts(side: dict[str, Any]) -> dict[str, Any]:
    return {name: side[name] for name in ("truth", "split", "group")}
