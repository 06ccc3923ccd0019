"""Rules of what is on record: each decision has its event, and each counter is what a recount gives."""

from collections import Counter
from collections.abc import Iterator
from itertools import permutations

from tests.long.rules.registry import Verdicts, rule
from tests.long.rules.rows import Hub, Row, value


@rule("a decision has one audit event, of its person")
def _decided(hub: Hub) -> Verdicts:
    events = Counter(row["facts"]["label"] for row in hub.rows["events"] if row["verb"] == "decide")
    for label in hub.rows["labels"]:
        if label["client_uuid"]:
            event = hub.decided.get(label["label_id"])
            ok = event and events[label["label_id"]] == 1 and event["actor_id"] == label["annotator_id"]
            ok = ok and (event["facts"]["sample"], event["facts"]["decision"]) == (label["sample_id"], label["decision"])
            stands = label["id"] in hub.standing and hub.samples[label["sample_id"]]["reopened_at"] is None
            ok = ok and not (stands and event["facts"]["late"] != hub.is_late(label))
            yield f"label {label['id']}", "" if ok else "no event, or another's"


@rule("what the audit log says was decided is there")
def _kept(hub: Hub) -> Verdicts:
    known = {label["label_id"] for label in hub.rows["labels"]}
    for event in hub.rows["events"]:
        if event["verb"] == "decide":
            yield f"event {event['id']}", "" if event["facts"]["label"] in known else "its label is gone"


@rule("what was taken back, returned or opened again has its audit event")
def _taken_back(hub: Hub) -> Verdicts:
    told = {row["facts"].get("label") for row in hub.rows["events"] if row["verb"] in {"undo", "return"}}
    for label in hub.rows["labels"]:
        if label["withdrawn_at"]:
            reopened = hub.samples[label["sample_id"]]["reopened_at"]
            ok = reopened or {label["label_id"], label["id"]} & told
            yield f"label {label['id']}", "" if ok else "nobody took it back"


@rule("skips, policies, gold and pauses have their audit events")
def _noted(hub: Hub) -> Verdicts:
    noted = {(row["verb"], row["object_type"], row["object_id"], row["actor_id"]) for row in hub.rows["events"]}
    for slot in hub.rows["slots"]:
        for person in filter(None, slot["skipped_by"].split(",")):
            ok = ("skip", "learning.reviewslot", str(slot["id"]), int(person)) in noted
            yield f"slot {slot['id']}", "" if ok else f"{person} skipped it, says the slot alone"
    for gold in hub.rows["golds"]:
        ok = ("promote_gold", "learning.goldanswer", str(gold["id"]), gold["promoted_by_id"]) in noted
        by = gold["retired_by_id"]
        ok = ok and (by is None or ("retire_gold", "learning.goldanswer", str(gold["id"]), by) in noted)
        yield f"gold {gold['id']}", "" if ok else "nobody made it gold"
    for pause in hub.rows["pauses"]:
        ok = ("pause", "learning.annotatorpause", str(pause["id"]), pause["by_id"]) in noted
        lifted = ("resume", "learning.annotatorpause", str(pause["id"]), pause["lifted_by_id"]) in noted
        yield f"pause {pause['id']}", "" if ok and (lifted or not pause["lifted_at"]) else "nobody paused, or lifted, it"


@rule("policies are numbered without a gap, and the module has the newest one's terms")
def _policies(hub: Hub) -> Verdicts:
    changed = {(row["object_id"], row["facts"].get("version")) for row in hub.rows["events"] if row["verb"] == "change_policy"}
    for key, module in hub.modules.items():
        of = [row for row in hub.rows["policies"] if row["module_id"] == key]
        ok = [row["version"] for row in of] == list(range(1, module["policy_version"] + 1))
        ok = ok and of and of[-1]["terms"] == module["review_policy"]
        ok = ok and all((str(key), row["version"]) in changed for row in of[1:])
        newer = [
            slot for slot in hub.rows["slots"] if slot["module_id"] == key and slot["policy_version"] > module["policy_version"]
        ]
        yield f"module {module['slug']}", "" if ok and not newer else "versions, terms or slots do not go together"


@rule("counts of quality are what a recount gives", at_rest=True)
def _quality(hub: Hub) -> Verdicts:
    counted: dict[tuple[object, ...], list[int]] = {}
    for row in hub.rows["counts"]:
        if row["measure"] in {"judged", "gold", "checked", "returned", "pair", "corrected"}:
            person = row["city_id"] if row["measure"] == "corrected" else row["person_id"]
            if person is not None:
                _add(counted, (row["measure"], row["module_id"], person), row["n"], row["hits"])
    meant: dict[tuple[object, ...], list[int]] = {}
    for key, n, hits in _recounted(hub):
        _add(meant, key, n, hits)
    for key in sorted(counted.keys() | meant.keys(), key=str):
        one, other = counted.get(key), meant.get(key)
        yield str(key), "" if one == other else f"{one} (n, hits), and a recount gives {other}"


def _recounted(hub: Hub) -> Iterator[tuple[tuple[object, ...], int, int]]:
    for label in hub.rows["labels"]:
        if label["id"] in hub.standing:
            yield from _of_label(hub, label)
    for slot in hub.rows["slots"]:
        if slot["kind"] == "check" and slot["outcome"] and slot["state"] == "done":
            person = hub.labels[slot["about_id"]]["annotator_id"]
            yield ("checked", slot["module_id"], person), 1, int(slot["outcome"] != "accepted")
            if slot["outcome"] == "returned":
                yield ("returned", slot["module_id"], person), 1, 0
    for key, sample in hub.samples.items():
        same = hub.meanings[sample["module_id"]].same
        for one, other in permutations(_blind(hub, key), 2):
            yield ("pair", sample["module_id"], one["annotator_id"]), 1, int(same(value(one), value(other)))


def _of_label(hub: Hub, label: Row) -> Iterator[tuple[tuple[object, ...], int, int]]:
    module, person = hub.samples[label["sample_id"]]["module_id"], label["annotator_id"]
    slot, source = hub.slot_of.get(label["id"]), label["label_source"]
    if source == "gold":
        right = [row["is_right"] for row in hub.rows["showings"] if row["label_id"] == label["id"]]
        yield ("gold", module, person), 1, int(any(right))
    elif source == "review" or (slot and slot["kind"] == "check"):
        yield ("judged", module, person), 1, 0
    if source in {"review", "correction"} and label["prediction"] is not None:
        yield ("corrected", module, label["city_id"]), 1, int(label["label_status"] == "changed")


def _blind(hub: Hub, sample: int) -> list[Row]:
    """Answer the judgements of those who knew nothing of the others': of no dispute, no check, and none that was returned."""
    return [label for label in hub.own(sample) if hub.kind(label) != "rework" and label["annotator_id"] is not None]


@rule("daily counts of judgements are what a recount gives", at_rest=True)
def _days(hub: Hub) -> Verdicts:
    counted, meant = Counter[tuple[int, str]](), Counter[tuple[int, str]]()
    for row in hub.rows["days"]:
        if row["measure"] in {"correct", "changed", "unsure"}:
            counted[row["city_id"], row["measure"]] += row["n"]
    for label in hub.rows["labels"]:
        if label["id"] in hub.standing and label["label_source"] != "gold":
            meant[label["city_id"], label["label_status"]] += 1
    for key in sorted(counted.keys() | meant.keys()):
        yield str(key), "" if counted[key] == meant[key] else f"{counted[key]}, and a recount gives {meant[key]}"


def _add(sums: dict[tuple[object, ...], list[int]], key: tuple[object, ...], n: int, hits: int) -> None:
    row = sums.setdefault(key, [0, 0])
    row[0] += n
    row[1] += hits
