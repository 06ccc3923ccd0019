"""The figures of quality by another way: from the rows of judgements, in numpy and from the textbooks' definitions.

`python -m tests.long.quality_recount ADDRESS MODULE` prints them as JSON. Imports nothing of the hub.
"""

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from tests.long.rules.rows import Hub, Meaning, Row, connect, value

SHARES = ("gold", "checks_failed", "agreement", "like_the_truth", "characters")
Share = list[int]
"""[hits, n]"""


class Recount:
    """One module's figures."""

    def __init__(self, hub: Hub, slug: str) -> None:
        self.hub = hub
        self.module = next(key for key, row in hub.modules.items() if row["slug"] == slug)
        self.meaning = hub.meanings[self.module]
        self.samples = [key for key, row in hub.samples.items() if row["module_id"] == self.module]
        self.blind = {key: self._blind(key) for key in self.samples}

    def people(self) -> dict[int, dict[str, Any]]:
        """Answer each person's figures, over all weeks."""
        told: dict[int, dict[str, Any]] = defaultdict(self._nothing)
        for label in self.hub.rows["labels"]:
            if label["id"] in self.hub.standing and label["annotator_id"] and label["sample_id"] in self.blind:
                self._count(label, told[label["annotator_id"]])
        for slot in self.hub.rows["slots"]:
            if slot["module_id"] == self.module and slot["kind"] == "check" and slot["state"] == "done":
                of = told[self.hub.labels[slot["about_id"]]["annotator_id"]]
                _add(of["checks_failed"], slot["outcome"] != "accepted")
                of["returned"] += slot["outcome"] == "returned"
        for said in self.blind.values():
            for one, other in combinations(said, 2):
                for label in (one, other):
                    _add(told[label["annotator_id"]]["agreement"], self.meaning.same(value(one), value(other)))
        return {person: of for person, of in told.items() if of != self._nothing()}

    def agreement(self) -> dict[str, Any]:
        """Answer the pairs that are the same, Krippendorff's alpha and Fleiss' kappa of the classes."""
        pairs = [0, 0]
        for said in self.blind.values():
            for one, other in combinations(said, 2):
                _add(pairs, self.meaning.same(value(one), value(other)))
        units = [[_class(value(label)) for label in said] for said in self.blind.values() if len(said) > 1]
        sizes = Counter(len(unit) for unit in units)
        usual = max(sizes, key=lambda size: sizes[size] * size * (size - 1), default=0)
        kappa = fleiss([unit for unit in units if len(unit) == usual])
        return {"pairs": pairs, "alpha": krippendorff(units), "kappa": kappa}

    def corrections(self) -> dict[str, Share]:
        """Answer how often each city's people changed what a version of the model said."""
        told: dict[str, Share] = defaultdict(lambda: [0, 0])
        for label in self.hub.rows["labels"]:
            sample = self.hub.samples[label["sample_id"]]
            is_here = sample["module_id"] == self.module and label["id"] in self.hub.standing
            if is_here and label["label_source"] in {"review", "correction"} and label["prediction"] is not None:
                named = sample["predicted_by"] or {}
                key = f"{label['city_id']} {named.get('model', '')} {named.get('version', '')}"
                _add(told[key], label["label_status"] == "changed")
        return dict(told)

    def predicted_characters(self) -> dict[str, Share]:
        """Answer the errors in the characters of each version of the model, where something is settled and was judged."""
        told: dict[str, Share] = defaultdict(lambda: [0, 0])
        for key in self.samples:
            sample = self.hub.samples[key]
            judged = any(row["id"] in self.hub.standing and row["label_source"] != "gold" for row in self.hub.labels_of[key])
            if judged and sample["state"] == "settled" and sample["prediction"] is not None:
                named = sample["predicted_by"] or {}
                _add_characters(told[f"{named.get('version', '')}"], sample["prediction"], sample["truth"], self.meaning)
        return {version: share for version, share in told.items() if share != [0, 0]}

    def _count(self, label: Row, told: dict[str, Any]) -> None:
        source, slot = label["label_source"], self.hub.slot_of.get(label["id"])
        if source == "gold":
            right = {row["label_id"]: row["gold_id"] for row in self.hub.rows["showings"]}.get(label["id"])
            truths = {row["id"]: row["truth"] for row in self.hub.rows["golds"]}
            _add(told["gold"], right is not None and self.meaning.same(value(label), truths[right]))
            return
        told["judged"] += source == "review" or bool(slot and slot["kind"] == "check")
        sample = self.hub.samples[label["sample_id"]]
        if label in self.blind[label["sample_id"]] and sample["state"] == "settled":
            _add(told["like_the_truth"], self.meaning.same(value(label), sample["truth"]))
            if (said := value(label)) is not None:
                _add_characters(told["characters"], said, sample["truth"], self.meaning)

    def _blind(self, sample: int) -> list[Row]:
        said = (label for label in self.hub.own(sample) if self.hub.kind(label) != "rework")
        return [label for label in said if label["annotator_id"] is not None]

    @staticmethod
    def _nothing() -> dict[str, Any]:
        return {"judged": 0, "returned": 0, **{name: [0, 0] for name in SHARES}}


def krippendorff(units: Sequence[Sequence[str]]) -> float | None:
    """Answer nominal alpha by its definition: 1 less the observed over the expected disagreement of values that can be paired."""
    units = [unit for unit in units if len(unit) > 1]
    pool = Counter(answer for unit in units for answer in unit)
    total = pool.total()
    observed = sum(sum(one != other for one, other in combinations(unit, 2)) * 2 / (len(unit) - 1) for unit in units)
    expected = sum(n * (total - n) for n in pool.values())
    return 1 - (observed / total) / (expected / (total * (total - 1))) if expected else None


def fleiss(units: Sequence[Sequence[str]]) -> float | None:
    """Answer Fleiss' kappa from the table of subjects by categories."""
    names = sorted({answer for unit in units for answer in unit})
    if len(names) < 2:
        return None
    table = np.array([[unit.count(name) for name in names] for unit in map(list, units)], dtype=float)
    raters = table.sum(axis=1)[0]
    each = ((table**2).sum(axis=1) - raters) / (raters * (raters - 1))
    chance = float(((table.sum(axis=0) / table.sum()) ** 2).sum())
    return float((each.mean() - chance) / (1 - chance))


def distance(one: str, other: str) -> int:
    """Answer Levenshtein's distance, a row of the table at a time."""
    row = np.arange(len(other) + 1)
    for at, letter in enumerate(one, 1):
        diagonal = row[:-1] + np.array([letter != letter_of_other for letter_of_other in other], dtype=int)
        best = np.concatenate(([at], np.minimum(row[1:] + 1, diagonal)))
        row = np.minimum.accumulate(best - np.arange(len(best))) + np.arange(len(best))
    return int(row[-1])


def _class(said: Row | None) -> str:
    if said is None:
        return "unsure"
    return said.get("label") or ("text" if said.get("text") else "nothing")


def _add(share: Share, is_hit: bool) -> None:
    share[0] += bool(is_hit)
    share[1] += 1


def _add_characters(share: Share, said: Row, meant: Row, meaning: Meaning) -> None:
    if meant.get("text") is not None:
        one, other = meaning.spelled(said.get("text") or ""), meaning.spelled(meant["text"])
        share[0] += distance(one, other)
        share[1] += len(other)


def figures(address: str, slug: str) -> dict[str, Any]:
    """Answer all of a module's figures."""
    connection = connect(address)
    told = Recount(Hub(connection), slug)
    connection.close()
    names = ("people", "agreement", "corrections", "predicted_characters")
    return {name: getattr(told, name)() for name in names}


if __name__ == "__main__":
    print(json.dumps(figures(*sys.argv[1:]), indent=1))  # noqa: T201  (a script)
