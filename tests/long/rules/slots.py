"""Rules of slots: what waits, who holds it, and who is not to get it."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from tests.long.rules.registry import Verdicts, rule
from tests.long.rules.rows import Hub, Row

QUEUES = {"normal": "judge", "gold": "judge", "check": "check", "senior": "dispute", "rework": "returned"}
AT_ONCE = timedelta(seconds=1)
"""What was claimed at the moment of a pause may be a moment younger than its row."""
SOURCES = {"normal": "review", "rework": "review", "senior": "review", "gold": "gold", "check": "validation"}


@rule("a slot's state goes with its person, its lease and its label")
def _slots(hub: Hub) -> Verdicts:
    for slot in hub.rows["slots"]:
        label = hub.labels.get(slot["label_id"])
        sample = hub.samples[slot["sample_id"]]
        ok = slot["queue_key"] == f"{sample['module_id']}:{QUEUES[slot['kind']]}" and slot["module_id"] == sample["module_id"]
        if slot["state"] == "open":
            ok = ok and slot["lease_user_id"] is None and label is None
        elif slot["state"] == "leased":
            ok = ok and slot["lease_user_id"] is not None and slot["leased_at"] < slot["lease_until"] and label is None
        elif slot["state"] == "done":
            ok = ok and (label is not None) != (slot["outcome"] == "returned") and slot["lease_user_id"] is not None
        if label:
            ok = ok and label["sample_id"] == slot["sample_id"] and label["label_source"] == SOURCES[slot["kind"]]
            ok = ok and (slot["state"] == "void" or label["annotator_id"] == slot["lease_user_id"])
            ok = ok and (label["id"] in hub.standing or slot["state"] == "void" or _was_returned(hub, label))
        yield f"slot {slot['id']}", "" if ok else f"{slot['kind']}, {slot['state']}: the rest does not go with it"


def _was_returned(hub: Hub, label: Row) -> bool:
    return any(slot["about_id"] == label["id"] and slot["outcome"] == "returned" for slot in hub.slots_of[label["sample_id"]])


@rule("slots are opened one after the other, and one at most waits")
def _one_waits(hub: Hub) -> Verdicts:
    for key, slots in list(hub.slots_of.items()):
        waiting = [slot for slot in slots if slot["state"] in {"held", "open", "leased"} and slot["kind"] != "gold"]
        in_order = [slot["slot_no"] for slot in slots] == list(range(1, len(slots) + 1))
        yield f"sample {key}", "" if in_order and len(waiting) <= 1 else f"{len(waiting)} wait, of {len(slots)}"


@rule("what waits is what the sample's state asks for")
def _waiting(hub: Hub) -> Verdicts:
    asks = {
        "pending": [{"normal"}, {"rework"}],
        "disputed": [{"senior"}],
        "settled": [set(), {"check"}],
        "excluded": [set(), {"check"}],
    }
    for key, sample in hub.samples.items():
        waiting = {slot["kind"] for slot in hub.slots_of[key] if slot["state"] in {"open", "leased"}}
        gold = waiting & {"gold"}
        ok = waiting - gold in asks.get(sample["state"], [set()]) and (not gold or sample["state"] == "settled")
        yield f"sample {key}", "" if ok else f"{sample['state']}, and waits for {sorted(waiting)}"


@rule("a waiting slot knows who judged its sample, and is in none of their hands")
def _judged_by(hub: Hub) -> Verdicts:
    for slot in hub.rows["slots"]:
        if slot["state"] not in {"open", "leased"} or slot["kind"] == "gold":
            continue
        own = {label["annotator_id"] for label in hub.own(slot["sample_id"])}
        told = {int(key) for key in slot["judged_by"].split(",") if key}
        if slot["kind"] == "senior" and hub.policy(slot["module_id"])["adjudicators"] == "any":
            own = told
        is_sorted = slot["judged_by"] == ",".join(map(str, sorted(told)))
        ok = is_sorted and told == own and slot["lease_user_id"] not in told
        yield f"slot {slot['id']}", "" if ok else f"{slot['kind']}: judged by {sorted(own)}, and says {slot['judged_by']!r}"


@rule("no lease is past its end", at_rest=True)
def _lapsed(hub: Hub) -> Verdicts:
    for slot in hub.rows["slots"]:
        if slot["state"] == "leased":
            yield f"slot {slot['id']}", "" if slot["lease_until"] > datetime.now(UTC) else f"ran out {slot['lease_until']}"


@rule("nobody holds more than three samples of a queue, and nobody anything while paused")
def _hands(hub: Hub) -> Verdicts:
    paused = {(row["user_id"], row["module_id"]) for row in hub.rows["pauses"] if not row["lifted_at"]}
    held = Counter[tuple[int, str, int]]()
    for slot in hub.rows["slots"]:
        if slot["state"] == "leased" and slot["place"] <= 3:
            held[slot["lease_user_id"], slot["queue_key"], slot["module_id"]] += 1
    for (person, queue, module), number in held.items():
        yield f"{person} in {queue}", f"{number} held" if number > 3 or (person, module) in paused else ""


@rule("nobody who is paused was given anything")
def _paused(hub: Hub) -> Verdicts:
    for row in hub.rows["pauses"]:
        until = row["lifted_at"] or datetime.max.replace(tzinfo=UTC)
        of = (
            slot
            for slot in hub.rows["slots"]
            if (slot["lease_user_id"], slot["module_id"]) == (row["user_id"], row["module_id"])
        )
        since = row["since"] + AT_ONCE
        given = [slot["id"] for slot in of if slot["leased_at"] and since < slot["leased_at"] < until]
        yield f"pause {row['id']}", f"slots {given} meanwhile" if given else ""


@rule("what was returned went to its person, or to anyone after three days")
def _reworks(hub: Hub) -> Verdicts:
    for slot in hub.rows["slots"]:
        if slot["kind"] != "rework" or slot["lease_user_id"] is None:
            continue
        is_theirs = slot["lease_user_id"] == hub.labels[slot["about_id"]]["annotator_id"] == slot["only_user_id"]
        is_old = slot["leased_at"] is not None and slot["leased_at"] - slot["created_at"] > timedelta(days=3)
        yield f"slot {slot['id']}", "" if (is_theirs or is_old) and slot["reason"] else "somebody else has it, or no reason"
