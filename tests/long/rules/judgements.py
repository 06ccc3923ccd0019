"""Rules of judgements: how many, by whom, and what they make true."""

import hashlib
import json
from collections import Counter

from tests.long.rules.registry import REVIEWERS, Verdicts, rule
from tests.long.rules.rows import Hub, Row, value


@rule("a sample has exactly the judgements of different people that it needs")
def _needed(hub: Hub) -> Verdicts:
    for key, sample in hub.samples.items():
        own, said = hub.own(key), hub.labels_of[key]
        if sample["state"] not in {"settled", "excluded"} or not any(label["client_uuid"] for label in said):
            continue
        terms = hub.policy(sample["module_id"])
        most = max(terms["overlap"], 2 if terms["double_share"] else 1) + any(slot["place"] > 3 for slot in hub.slots_of[key])
        late = sum(hub.is_late(label) for label in own)
        least = 1 if hub.ruling(key) else terms["overlap"]
        ok = least <= len(own) <= most + late and len({label["annotator_id"] for label in own}) == len(own)
        yield f"sample {key}", "" if ok else f"{len(own)} judgements, of them {late} late; {terms['overlap']} are needed"


@rule("nobody judged the same sample twice")
def _once(hub: Hub) -> Verdicts:
    for key, said in list(hub.labels_of.items()):
        people = [
            label["annotator_id"] for label in said if label["id"] in hub.standing and label["label_source"] != "correction"
        ]
        for person, times in Counter(people).items():
            yield f"sample {key} by {person}", "" if times == 1 else f"judged {times} times"


@rule("nobody checks or settles what they judged themselves")
def _not_own(hub: Hub) -> Verdicts:
    for label in hub.rows["labels"]:
        slot = hub.asked(label)
        if slot is None or slot["kind"] not in {"check", "senior"} or label["id"] not in hub.standing:
            continue
        others = {other["annotator_id"] for other in hub.own(label["sample_id"])}
        if slot["kind"] == "check":
            others.add(hub.labels[slot["about_id"]]["annotator_id"])
        elif hub.policy(slot["module_id"])["adjudicators"] == "any":
            others = set()
        is_own, who = label["annotator_id"] in others, hub.roles[label["annotator_id"]]
        yield f"label {label['id']}", "of their own work" if is_own else "" if who in REVIEWERS else f"by a {who}"


@rule("truth, state and status are what the judgements make of them")
def _truth(hub: Hub) -> Verdicts:
    """A reviewer's word decides; else a strict majority of the needed judgements, the earliest of those that agree.

    One unsure among several is a dispute, and so is one more that came late and says something else.
    """
    for key, sample in hub.samples.items():
        if any(label["client_uuid"] for label in hub.labels_of[key]):
            state, truth, status = _recomputed(hub, key)
            is_so = (sample["state"], sample["truth"], sample["label_status"]) == (state, truth, status)
            yield f"sample {key}", "" if is_so else f"is {sample['state']} and should be {state}, or its truth or status differ"


def _recomputed(hub: Hub, key: int) -> tuple[str, Row | None, str]:
    """Answer state, truth and status: a reviewer's word, else what people said together."""
    ruling, accepted = hub.ruling(key), hub.ruling(key, accepted=True)
    if ruling:
        return _alone(ruling)
    own = [label for label in hub.own(key) if accepted is None or label["id"] < accepted["id"]]
    module = hub.samples[key]["module_id"]
    needed, same = hub.policy(module)["overlap"], hub.meanings[module].same
    if max(needed, len(own)) > 1 and any(label["label_status"] == "unsure" for label in own):
        return "disputed", None, ""
    if len(own) < max(needed, 1):
        return "pending", None, ""
    for label in own[:needed]:
        if sum(same(value(label), value(other)) for other in own[:needed]) * 2 > needed:
            is_doubted = any(not same(value(label), value(late)) for late in own[needed:])
            return ("disputed", None, "") if is_doubted else _alone(label)
    return "disputed", None, ""


def _alone(label: Row) -> tuple[str, Row | None, str]:
    truth = value(label)
    return ("excluded", None, "unsure") if truth is None else ("settled", truth, label["label_status"])


@rule("a truth has its hash, and nothing else has one")
def _hashed(hub: Hub) -> Verdicts:
    for key, sample in hub.samples.items():
        text = json.dumps(sample["truth"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        digest = hashlib.sha256(text.encode()).hexdigest() if sample["truth"] is not None else ""
        ok = digest == sample["truth_sha256"] and bool(digest) == (sample["state"] == "settled")
        yield f"sample {key}", "" if ok else "truth and hash do not go together"


@rule("a judgement against what is true was heard by a reviewer")
def _heard(hub: Hub) -> Verdicts:
    for key, sample in hub.samples.items():
        if sample["state"] not in {"settled", "excluded"} or hub.policy(sample["module_id"])["overlap"] > 2:
            continue
        same, ruling = hub.meanings[sample["module_id"]].same, hub.ruling(key, accepted=True)
        for label in hub.own(key):
            yield f"label {label['id']}", "" if ruling or same(value(label), sample["truth"]) else "nobody settled it"


@rule("a disputed answer stays, and its sample has a dispute")
def _disputed(hub: Hub) -> Verdicts:
    for label in hub.rows["labels"]:
        if label["is_disputed"]:
            kinds = {slot["kind"] for slot in hub.slots_of[label["sample_id"]]}
            yield f"label {label['id']}", "" if "senior" in kinds else "nobody was ever to settle it"


@rule("a decision has its status, and a correction only where something was changed")
def _decisions(hub: Hub) -> Verdicts:
    for label in hub.rows["labels"]:
        if not label["client_uuid"]:
            continue
        says = {"correct": {"correct"}, "change": {"changed"}, "unsure": {"unsure"}, "reject": {"unsure"}}
        fits = label["label_status"] in says.get(label["decision"], {"changed", "correct"})
        fits = fits and (label["correction"] is not None) == (label["label_status"] == "changed")
        fits = fits and (label["decision"] != "reject" or label["reason"] != "" or label["label_source"] == "validation")
        same = label["prediction"] == hub.samples[label["sample_id"]]["prediction"]
        yield f"label {label['id']}", "" if fits and same else f"{label['decision']} became {label['label_status']}"


@rule("a decision has a client_uuid of its own")
def _client_uuid(hub: Hub) -> Verdicts:
    sent = [label for label in hub.rows["labels"] if label["id"] in hub.slot_of]
    times = Counter(str(label["client_uuid"]) for label in hub.rows["labels"] if label["client_uuid"])
    for label in sent:
        ok = label["client_uuid"] and times[str(label["client_uuid"])] == 1
        yield f"label {label['id']}", "" if ok else "without one, or with another's"


@rule("what was said before a sample was opened for another round makes no truth")
def _rounds(hub: Hub) -> Verdicts:
    for label in hub.rows["labels"]:
        since = hub.samples[label["sample_id"]]["reopened_at"]
        if since and label["labeled_at"] < since and label["label_source"] != "correction":
            yield f"label {label['id']}", "still stands" if label["id"] in hub.standing else ""
