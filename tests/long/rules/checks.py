"""Rules of checks: how many there are, what came of them, and of gold: who met it, what it counts, and who is paused for it."""

import math
from collections import Counter
from datetime import UTC, datetime

from tests.long.rules.registry import REVIEWERS, SIGMAS, Verdicts, rule
from tests.long.rules.rows import Hub, value


@rule("a check's outcome is what the reviewer said of the judgement")
def _outcomes(hub: Hub) -> Verdicts:
    for slot in hub.rows["slots"]:
        if slot["kind"] != "check" or slot["state"] != "done":
            continue
        about, label = hub.labels[slot["about_id"]], hub.labels.get(slot["label_id"])
        if label is None:
            reworks = [other for other in hub.slots_of[slot["sample_id"]] if other["about_id"] == about["id"]]
            ok = about["withdrawn_at"] is not None and any(other["kind"] == "rework" for other in reworks)
        else:
            same = hub.meanings[slot["module_id"]].same(value(label), value(about))
            ok = slot["outcome"] == ("accepted" if same else "fixed")
        yield f"slot {slot['id']}", "" if ok else f"{slot['outcome']} is not what was said"


@rule("the share that is checked is the policy's, within what chance allows")
def _checked_share(hub: Hub) -> Verdicts:
    ordinals: dict[int, list[int]] = {}
    for label in hub.rows["labels"]:
        if label["label_source"] == "review" and hub.kind(label) in {"normal", "rework"}:
            ordinals.setdefault(label["annotator_id"], []).append(label["id"])
    drawn: dict[int, tuple[float, float, float, int]] = {}
    for key, sample in hub.samples.items():
        own, slots = hub.own(key), hub.slots_of[key]
        plain = {slot["kind"] for slot in slots} <= {"normal", "check", "gold"} and not any(map(hub.is_late, own))
        if not own or not plain or sample["state"] == "pending" or sample["reopened_at"]:
            continue
        unchecked, slack, terms = 1.0, 0.0, hub.policy(sample["module_id"])
        for label in own:
            if hub.roles[label["annotator_id"]] in REVIEWERS:
                continue
            before = sum(other <= own[-1]["id"] for other in ordinals[label["annotator_id"]])
            shares = terms["first_check_share"], terms["later_check_share"]
            unchecked *= 1 - shares[before > terms["first_judgements"]]
            slack += abs(shares[0] - shares[1]) * (abs(before - terms["first_judgements"]) <= 15)
        n, expected, spread, room = 1, 1 - unchecked, unchecked * (1 - unchecked), slack
        seen = sum(slot["kind"] == "check" for slot in slots) > 0
        old = drawn.get(sample["module_id"], (0.0, 0.0, 0.0, 0))
        drawn[sample["module_id"]] = (old[0] + expected - seen, old[1] + spread, old[2] + room, old[3] + n)
    for module, (off, spread, room, n) in drawn.items():
        ok = abs(off) <= SIGMAS * math.sqrt(spread) + room + 1
        yield (
            f"module {module}, {n} samples",
            "" if ok else f"{off:+.0f} fewer than expected, {math.sqrt(spread):.1f} is one sigma",
        )


@rule("work that was returned is checked again")
def _checked_again(hub: Hub) -> Verdicts:
    for slot in hub.rows["slots"]:
        label = hub.labels.get(slot["label_id"])
        settled = hub.samples[slot["sample_id"]]["state"] in {"settled", "excluded"}
        if slot["kind"] != "rework" or slot["state"] != "done" or label is None or not settled:
            continue
        later = {other["kind"] for other in hub.slots_of[slot["sample_id"]] if other["slot_no"] > slot["slot_no"]}
        ok = later & {"check", "senior", "rework", "normal"} or hub.roles[label["annotator_id"]] in REVIEWERS
        yield f"slot {slot['id']}", "" if ok else "nobody looked at it again"


@rule("gold is settled, its answer is the truth, and no dataset version holds it")
def _gold(hub: Hub) -> Verdicts:
    members = {row["sample_id"] for row in hub.rows["members"]}
    active = {row["sample_id"]: row for row in hub.rows["golds"] if row["retired_at"] is None}
    for key, sample in hub.samples.items():
        if sample["is_gold"] or key in active:
            ok = key in active and sample["is_gold"] and active[key]["truth"] == sample["truth"] and key not in members
            yield f"sample {key}", "" if ok else "is gold only by half"


@rule("gold counts what was answered, right or wrong, and is retired after enough")
def _gold_counters(hub: Hub) -> Verdicts:
    for gold in hub.rows["golds"]:
        shown = [row for row in hub.rows["showings"] if row["gold_id"] == gold["id"]]
        told, same = (gold["showings"], gold["right_answers"]), hub.meanings[gold["module_id"]].same
        right = [same(value(hub.labels[row["label_id"]]), gold["truth"]) for row in shown]
        ok = told == (len(shown), sum(right)) and right == [bool(row["is_right"]) for row in shown]
        enough = hub.policy(gold["module_id"])["gold_retire_after"]
        yield (
            f"gold {gold['id']}",
            "" if ok and (gold["retired_at"] or len(shown) < enough) else "its counts are not what was said",
        )


@rule("gold is answered once by people who never had its sample, and stands as one answer")
def _gold_answers(hub: Hub) -> Verdicts:
    shown = Counter(row["label_id"] for row in hub.rows["showings"])
    versions = {row["sample_id"]: row for row in hub.rows["golds"]}
    for label in hub.rows["labels"]:
        if label["label_source"] != "gold":
            continue
        others = [other for other in hub.labels_of[label["sample_id"]] if other["annotator_id"] == label["annotator_id"]]
        met = any(other["label_source"] != "gold" for other in others)
        wanted, gold = int(label["id"] in hub.standing), versions[label["sample_id"]]
        ok = shown[label["id"]] == wanted or (gold["retired_because"] == "Its answer changed." and not shown[label["id"]])
        yield f"label {label['id']}", "" if ok and not met else "counted wrongly, or by somebody who knew the sample"


@rule("gold is mixed in at the policy's share, within what chance allows and while there is any")
def _gold_share(hub: Hub) -> Verdicts:
    for turn in hub.rows["turns"]:
        module, person, n = turn["module_id"], turn["user_id"], turn["number"]
        shares = {row["terms"]["gold_share"] for row in hub.rows["policies"] if row["module_id"] == module} - {0}
        given = sum(
            (slot["only_user_id"], slot["kind"], slot["module_id"]) == (person, "gold", module) for slot in hub.rows["slots"]
        )
        most, least = (max(shares) * n + _reach(max(shares), n), min(shares) * n - _reach(min(shares), n))
        is_left = any(not _knows(hub, person, gold["sample_id"]) for gold in hub.rows["golds"] if gold["retired_at"] is None)
        ok = given <= most and (given >= least or not is_left)
        yield f"person {person}", "" if ok else f"{given} of {n}"


def _reach(share: float, n: int) -> float:
    return SIGMAS * math.sqrt(n * share * (1 - share)) + 1


def _knows(hub: Hub, person: int, sample: int) -> bool:
    had = {label["annotator_id"] for label in hub.labels_of[sample]}
    return person in had | {slot[name] for slot in hub.slots_of[sample] for name in ("lease_user_id", "only_user_id")}


@rule("who is below the threshold of gold is paused, or was", at_rest=True)
def _weak(hub: Hub) -> Verdicts:
    for module in hub.modules:
        terms = hub.policy(module)
        for person in {row["user_id"] for row in hub.rows["showings"] if row["module_id"] == module}:
            pauses = [row for row in hub.rows["pauses"] if (row["user_id"], row["module_id"]) == (person, module)]
            lifted = max((row["lifted_at"] for row in pauses if row["lifted_at"]), default=datetime.min.replace(tzinfo=UTC))
            mine = [row for row in hub.rows["showings"] if (row["user_id"], row["module_id"]) == (person, module)]
            last = [bool(row["is_right"]) for row in mine if row["answered_at"] > lifted][-50:]
            is_weak = len(last) >= terms["gold_min"] and sum(last) / len(last) < terms["gold_threshold"]
            is_paused = any(row["lifted_at"] is None for row in pauses)
            yield f"person {person}", f"{sum(last)} of {len(last)}" if is_weak and not is_paused else ""
