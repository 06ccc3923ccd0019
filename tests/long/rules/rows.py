"""The tables of the review queue as plain rows, read by SQL alone, and when two answers are the same.

Written from the design and from docs/schema, for scripts that are to find faults of the hub: imports nothing of it.
"""

import json
import sqlite3
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import psycopg

Row = dict[str, Any]
JSON = frozenset({"prediction", "correction", "truth", "terms", "labels", "text", "facts", "review_policy", "predicted_by"})
TIMES = frozenset({"lease_until", "since", "at"})
TABLES = {
    "users": "SELECT id, name, role FROM users",
    "modules": "SELECT id, slug, review_policy, policy_version FROM ai_modules",
    "schemas": "SELECT id, module_id, revision, labels, text FROM label_schemas ORDER BY revision",
    "policies": "SELECT module_id, version, terms FROM review_policies ORDER BY module_id, version",
    "samples": "SELECT id, sample_id, module_id, city_id, object_id, prediction, predicted_by, state, truth, truth_sha256,"
    " label_status, is_gold, reopened_at FROM learning_samples ORDER BY id",
    "labels": "SELECT * FROM hitl_labels ORDER BY id",
    "slots": "SELECT * FROM review_slots ORDER BY sample_id, slot_no",
    "golds": "SELECT * FROM gold_answers ORDER BY id",
    "showings": "SELECT * FROM gold_showings ORDER BY id",
    "turns": "SELECT * FROM gold_turns",
    "pauses": "SELECT * FROM annotator_pauses ORDER BY id",
    "events": "SELECT id, at, actor_id, verb, object_type, object_id, facts FROM events ORDER BY id",
    "counts": "SELECT * FROM quality_counts",
    "days": "SELECT * FROM daily_counts",
    "members": "SELECT DISTINCT sample_id FROM dataset_members",
}


def connect(address: str) -> Any:
    """Open a database by its URL, or a file of SQLite by its path, for one snapshot of all that is read."""
    if "://" in address:
        connection = psycopg.connect(address)
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        return connection
    lite = sqlite3.connect(f"file:{address}?mode=ro", uri=True, isolation_level=None, timeout=60)
    lite.execute("BEGIN")
    return lite


def read(connection: Any, table: str) -> list[Row]:
    """Answer all rows of one of TABLES."""
    cursor = connection.cursor()
    cursor.execute(TABLES[table])
    names = [column[0] for column in cursor.description]
    rows = [{name: _plain(name, value) for name, value in zip(names, row, strict=True)} for row in cursor.fetchall()]
    cursor.close()
    return rows


def _plain(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in JSON and isinstance(value, str):
        return json.loads(value)
    if name in TIMES or name.endswith("_at"):
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return value


class Meaning:
    """When two answers of a module say the same: label and attributes, the normalised text, boxes matched one to one."""

    def __init__(self, schema: Row, iou: float) -> None:
        self.iou = iou
        self.how = (schema["text"] or {}).get("normalise") or "space"
        self.unreadable = (schema["text"] or {}).get("unreadable") or ""
        self.names = {old: label["name"] for label in schema["labels"] for old in label.get("formerly", ())}

    def same(self, one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> bool:
        if one is None or other is None:
            return one is other
        boxes = one.get("boxes") or [], other.get("boxes") or []
        if self._words(one) != self._words(other) or len(boxes[0]) != len(boxes[1]):
            return False
        fits = [[j for j, box in enumerate(boxes[1]) if self._same_box(mine, box)] for mine in boxes[0]]
        return _each_has_one(fits, frozenset())

    def spelled(self, text: str) -> str:
        """Answer a text as it is compared."""
        parts = text.split(self.unreadable) if self.unreadable else [text]
        return self.unreadable.join(self._spelled(unicodedata.normalize("NFKC", part)) for part in parts)

    def _spelled(self, text: str) -> str:
        if self.how == "exact":
            return text
        if self.how == "plate":
            return "".join(letter for letter in text.upper() if letter.isalnum())
        return " ".join((text.upper() if self.how == "upper" else text).split())

    def _words(self, value: Mapping[str, Any]) -> tuple[str, str, str]:
        label = value.get("label") or ""
        attributes = json.dumps(value.get("attributes") or {}, sort_keys=True)
        return self.names.get(label, label), attributes, self.spelled(value.get("text") or "")

    def _same_box(self, one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
        return self._words(one) == self._words(other) and overlap(one["bbox"], other["bbox"]) >= self.iou


def overlap(a: Sequence[float], b: Sequence[float]) -> float:
    """Answer intersection over union."""
    width, height = (min(a[i] + a[i + 2], b[i] + b[i + 2]) - max(a[i], b[i]) for i in (0, 1))
    shared = max(0.0, width) * max(0.0, height)
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)


def _each_has_one(fits: Sequence[Sequence[int]], taken: frozenset[int]) -> bool:
    return not fits or any(_each_has_one(fits[1:], taken | {j}) for j in fits[0] if j not in taken)


class Hub:
    """All rows at one moment, and what belongs to what."""

    def __init__(self, connection: Any) -> None:
        self.rows = {name: read(connection, name) for name in TABLES}
        self.modules = {row["id"]: row for row in self.rows["modules"]}
        self.roles = {row["id"]: row["role"] for row in self.rows["users"]}
        self.samples = {row["id"]: row for row in self.rows["samples"]}
        self.labels = {row["id"]: row for row in self.rows["labels"]}
        self.slots = {row["id"]: row for row in self.rows["slots"]}
        self.slot_of = {row["label_id"]: row for row in self.rows["slots"] if row["label_id"]}
        self.decided = {row["facts"].get("label"): row for row in self.rows["events"] if row["verb"] == "decide"}
        self.labels_of, self.slots_of = _grouped(self.rows["labels"]), _grouped(self.rows["slots"])
        replaced = {row["supersedes_id"] for row in self.rows["labels"]}
        self.standing = {row["id"] for row in self.rows["labels"] if not row["withdrawn_at"] and row["id"] not in replaced}
        schemas = {row["module_id"]: row for row in self.rows["schemas"]}
        self.meanings = {key: Meaning(schemas[key], self.policy(key)["iou"]) for key in self.modules if key in schemas}

    def policy(self, module: int) -> Row:
        """Answer the terms in force."""
        terms: Row = self.modules[module]["review_policy"]
        return terms

    def asked(self, label: Row) -> Row | None:
        """Answer the slot for which a judgement was sent, also where it came too late to close it."""
        event = self.decided.get(label["label_id"])
        return self.slots.get(int(event["object_id"])) if event else None

    def kind(self, label: Row) -> str:
        """Answer what was asked: normal, rework, senior, check or gold; "" of what came from no queue."""
        slot = self.asked(label)
        return slot["kind"] if slot else ""

    def is_late(self, label: Row) -> bool:
        """Tell whether it came when somebody else had the slot, or the slot was over."""
        return bool(label["client_uuid"]) and label["id"] not in self.slot_of

    def own(self, sample: int) -> list[Row]:
        """Answer the judgements that count towards the policy's number, earliest first."""
        said = (label for label in self.labels_of[sample] if label["id"] in self.standing)
        return [label for label in said if label["label_source"] == "review" and self.kind(label) in {"", "normal", "rework"}]

    def ruling(self, sample: int, *, accepted: bool = False) -> Row | None:
        """Answer the last word of a reviewer: a dispute that was settled, a check that fixed (or accepted) something."""
        outcomes = {"fixed", "accepted"} if accepted else {"fixed"}
        last = None
        for label in self.labels_of[sample]:
            slot = self.slot_of.get(label["id"])
            if slot and label["id"] in self.standing and (slot["kind"] == "senior" or slot["outcome"] in outcomes):
                last = label
        return last


def value(label: Row) -> Row | None:
    """Answer what a judgement says is true: correct → the prediction, changed → the correction, unsure → nothing is."""
    said: dict[str, Row | None] = {"correct": label["prediction"], "changed": label["correction"], "unsure": None}
    return said[label["label_status"]]


def _grouped(rows: Sequence[Row]) -> dict[int, list[Row]]:
    groups: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["sample_id"]].append(row)
    return groups
