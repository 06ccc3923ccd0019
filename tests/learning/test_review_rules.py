"""The script of rules in tests/long finds what breaks them: each is broken by hand, in a history in which all hold."""

import uuid
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Role
from learning.actions import curating, gold, pause, policy, quality, review, summary
from learning.models import HitlLabel, LearningSample, ReviewSlot
from learning.models.summary import Source
from tests import people
from tests.factories.accounts import UserFactory
from tests.learning.test_review import queue
from tests.long.review_rules import findings
from tests.long.rules.registry import RULES
from tests.long.rules.rows import Hub

pytestmark = pytest.mark.django_db
TERMS = {"first_check_share": 1, "later_check_share": 1, "gold_min": 1}
BUS = {"decision": "change", "correction": {"label": "bus"}}
RIGHT, SKIP = {"decision": "correct"}, {"decision": "skip"}
BREAKS = {
    "a sample has exactly the judgements of different people that it needs": (
        "UPDATE hitl_labels SET withdrawn_at = CURRENT_TIMESTAMP WHERE sample_id = {s0} AND annotator_id = {al}"
    ),
    "nobody judged the same sample twice": "UPDATE hitl_labels SET annotator_id = {ann} WHERE sample_id = {s0}",
    "nobody checks or settles what they judged themselves": "UPDATE hitl_labels SET annotator_id = {ann} WHERE sample_id = {s0}",
    "truth, state and status are what the judgements make of them": (
        'UPDATE learning_samples SET truth = \'{{"label": "bus"}}\' WHERE id = {s0}'
    ),
    "a truth has its hash, and nothing else has one": "UPDATE learning_samples SET truth_sha256 = 'x' WHERE id = {s0}",
    "a judgement against what is true was heard by a reviewer": (
        "UPDATE hitl_labels SET label_status = 'changed', correction = '{{\"label\": \"bus\"}}'"
        " WHERE sample_id = {s7} AND annotator_id = {cal}"
    ),
    "a disputed answer stays, and its sample has a dispute": "UPDATE hitl_labels SET is_disputed = TRUE WHERE sample_id = {s0}",
    "a decision has its status, and a correction only where something was changed": (
        "UPDATE hitl_labels SET decision = 'unsure' WHERE sample_id = {s0}"
    ),
    "a decision has a client_uuid of its own": (
        "UPDATE hitl_labels SET client_uuid = NULL WHERE id IN (SELECT label_id FROM review_slots WHERE sample_id = {s0})"
    ),
    "what was said before a sample was opened for another round makes no truth": (
        "UPDATE hitl_labels SET withdrawn_at = NULL WHERE sample_id = {s8}"
    ),
    "a slot's state goes with its person, its lease and its label": "UPDATE review_slots SET lease_user_id = NULL WHERE state = 'done'",
    "slots are opened one after the other, and one at most waits": (
        "UPDATE review_slots SET slot_no = 9 WHERE sample_id = {s0} AND slot_no = 1"
    ),
    "what waits is what the sample's state asks for": "UPDATE review_slots SET state = 'void' WHERE sample_id = {s4} AND state = 'open'",
    "a waiting slot knows who judged its sample, and is in none of their hands": (
        "UPDATE review_slots SET judged_by = '' WHERE sample_id = {s4} AND state = 'open'"
    ),
    "no lease is past its end": (
        "UPDATE review_slots SET leased_at = '2020-01-01 00:00:00', lease_until = '2020-01-02 00:00:00' WHERE state = 'leased'"
    ),
    "nobody holds more than three samples of a queue, and nobody anything while paused": (
        "UPDATE annotator_pauses SET user_id = {al} WHERE lifted_at IS NULL"
    ),
    "nobody who is paused was given anything": "UPDATE annotator_pauses SET user_id = {al}, since = '2020-01-01 00:00:00'",
    "what was returned went to its person, or to anyone after three days": (
        "UPDATE review_slots SET lease_user_id = {al} WHERE kind = 'rework'"
    ),
    "a check's outcome is what the reviewer said of the judgement": (
        "UPDATE review_slots SET outcome = 'fixed' WHERE outcome = 'accepted'"
    ),
    "the share that is checked is the policy's, within what chance allows": "DELETE FROM review_slots WHERE kind = 'check'",
    "work that was returned is checked again": (
        "DELETE FROM review_slots WHERE sample_id = {s2} AND kind = 'check' AND outcome <> 'returned'"
    ),
    "gold is settled, its answer is the truth, and no dataset version holds it": "UPDATE learning_samples SET is_gold = FALSE",
    "gold counts what was answered, right or wrong, and is retired after enough": "UPDATE gold_answers SET showings = 5",
    "gold is answered once by people who never had its sample, and stands as one answer": (
        "UPDATE hitl_labels SET annotator_id = {ann} WHERE label_source = 'gold'"
    ),
    "gold is mixed in at the policy's share, within what chance allows and while there is any": (
        "UPDATE review_slots SET kind = 'gold', only_user_id = {cal} WHERE kind = 'normal'; UPDATE gold_turns SET number = 1"
    ),
    "who is below the threshold of gold is paused, or was": "UPDATE gold_showings SET is_right = FALSE",
    "a decision has one audit event, of its person": "UPDATE hitl_labels SET annotator_id = {ann} WHERE sample_id = {s0}",
    "what the audit log says was decided is there": "UPDATE hitl_labels SET label_id = 'x' || label_id WHERE sample_id = {s5}",
    "what was taken back, returned or opened again has its audit event": (
        "UPDATE hitl_labels SET withdrawn_at = CURRENT_TIMESTAMP WHERE sample_id = {s0} AND annotator_id = {al}"
    ),
    "skips, policies, gold and pauses have their audit events": "UPDATE review_slots SET skipped_by = ',999,' WHERE sample_id = {s0}",
    "policies are numbered without a gap, and the module has the newest one's terms": (
        "UPDATE review_policies SET version = 7 WHERE version = 2"
    ),
    "counts of quality are what a recount gives": "UPDATE quality_counts SET n = n + 1",
    "daily counts of judgements are what a recount gives": "UPDATE daily_counts SET n = n + 1",
}


def say(lease, by, decision, **said):
    keys = {"lease_token": lease.token, "client_uuid": uuid.uuid4()}
    return review.decide(lease.slot, by=by, decision=decision, **keys, **said)


def work(module, by, told, kind="judge"):
    """Decide what waits as `told` says by its number, else let be; each sample once."""
    seen = set()
    while (lease := review.lease_next(module, by=by, kind=kind)) and lease.sample.pk not in seen:
        seen.add(lease.sample.pk)
        say(lease, by, **told.get(int(lease.sample.event_id[2:]), SKIP))
    if lease:
        review.release_lease(lease.slot, by=by, lease_token=lease.token)


def meet_gold(module, by):
    """Pass samples by until one is gold, and say what it is."""
    for _ in range(40):
        lease = review.lease_next(module, by=by)
        say(lease, by, **(RIGHT if lease.sample.is_gold else SKIP))
        if lease.sample.is_gold:
            return
    raise AssertionError("no gold")


def history():
    """Nine samples on their ways: judged, late, disputed, checked, returned, gold, opened again; answers names for SQL."""
    module, ann, al, rhea, ada = queue(9, 2, policy=TERMS), people.ann(), people.al(), people.rhea(), people.ada()
    cal, dee = (UserFactory(name=name, role=Role.ANNOTATOR) for name in ("Cal", "Dee"))
    keys = {f"s{number}": key for number, key in enumerate(LearningSample.objects.order_by("id").values_list("pk", flat=True))}
    work(module, ann, {**dict.fromkeys(range(9), RIGHT), 3: BUS, 4: BUS})
    say(review.undo(ReviewSlot.objects.get(sample=keys["s7"], state="done").pk, by=ann), ann, **SKIP)
    work(module, al, dict.fromkeys((0, 1, 2, 3, 4, 6, 8), RIGHT))
    work(module, rhea, {0: RIGHT, 1: BUS, 2: {"decision": "return", "reason": "Look again"}, 6: RIGHT}, "check")
    work(module, ann, {2: RIGHT}, "returned")
    work(module, rhea, {3: BUS}, "dispute")
    late = review.lease_next(module, by=cal)
    ReviewSlot.objects.filter(pk=late.slot).update(lease_until=timezone.now() - timedelta(minutes=1))
    work(module, dee, {7: RIGHT})
    say(late, cal, **RIGHT)
    gold.promote(LearningSample.objects.get(pk=keys["s6"]), by=rhea)
    policy.change(module, by=ada, terms={"gold_share": 0.5}, reason="there is gold now")
    meet_gold(module, cal)
    curating.reopen([keys["s8"]], rhea, {})
    assert review.lease_next(module, by=al)
    pause.lift(pause.pause(module, dee, by=rhea, why="A talk."), by=ada, why="Done.")
    pause.pause(module, dee, by=rhea, why="Another one.")
    quality.refresh_stretch(0)
    for label in set(HitlLabel.objects.values_list("pk", flat=True)):
        quality.refresh_stretch(label // quality.STRETCH)
    for source in Source:
        summary.refresh_source(source)
    return {**keys, "ann": ann.pk, "al": al.pk, "cal": cal.pk}


def found():
    return findings(Hub(connection.connection))


def test_each_rule_is_named_when_it_is_broken():
    names = history()
    whole = found()
    assert [str(each) for each in whole if each.broken] == []
    assert [each.rule for each in whole if not each.looked_at] == []
    unseen = []
    for rule, statements in BREAKS.items():
        with transaction.atomic(), connection.cursor() as cursor:
            for statement in statements.format(**names).split("; "):
                cursor.execute(statement)
            if rule not in {each.rule for each in found() if each.broken}:
                unseen.append(rule)
            transaction.set_rollback(True)
    assert unseen == []
    assert set(BREAKS) == set(RULES)
