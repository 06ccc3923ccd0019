"""Review policies: every version on record, changed at any time, and never to what nobody could satisfy."""

from contextlib import suppress

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Event
from core.errors import Invalid, Refusal, Refused
from learning.actions import curating, policy, review, reweighing
from learning.actions.weighing import DISPUTED, weigh
from learning.annotation import Rules
from learning.models import (
    HitlLabel,
    LabelSchema,
    LearningSample,
    PolicyVersion,
    ReviewPolicy,
    ReviewSlot,
    SampleState,
    SlotKind,
)
from learning.models.policy import drawn
from tests import people
from tests.factories.learning import LABELS, vehicles
from tests.learning.test_hand import stays_true
from tests.learning.test_review import decide, judge, many_slots, queue, sample
from tests.racing import race

pytestmark = pytest.mark.django_db


def crowd():
    """Enough people for any policy of these tests."""
    return people.ann(), people.al(), people.rhea(), people.ada()


def test_a_module_begins_with_its_first_version_whole():
    module = vehicles(review_policy={"overlap": 2})
    first = PolicyVersion.objects.get()
    assert (first.version, first.made_by, first.policy) == (1, None, module.policy)
    assert first.terms == ReviewPolicy(**module.policy.terms).terms
    assert set(first.terms) == set(ReviewPolicy().terms)


def test_each_change_is_a_version_and_an_event():
    *_, ada = crowd()
    module = vehicles()
    second = policy.change(module, by=ada, terms={"overlap": 2, "double_share": 0.5}, reason="Two see more than one.")
    assert (second.version, second.made_by, second.reason) == (2, ada, "Two see more than one.")
    module.refresh_from_db()
    assert (module.policy_version, module.policy.overlap, module.policy.city_labels) == (2, 2, "trust")
    facts = Event.objects.get(verb="change_policy").facts
    assert facts == {"version": 2, "overlap": 2, "double_share": 0.5}
    assert [row.policy.overlap for row in module.policies.order_by("version")] == [1, 2]


def test_the_same_terms_again_make_no_version():
    *_, ada = crowd()
    module = vehicles()
    second = policy.change(module, by=ada, terms={"overlap": 2})
    assert policy.change(module, by=ada, terms={"overlap": 2}) == second
    assert PolicyVersion.objects.count() == 2


def test_only_who_manages_modules_changes_a_policy():
    ann, _, rhea, _ = crowd()
    module = vehicles()
    for person in (ann, rhea, people.olga()):
        with pytest.raises(Refused):
            policy.change(module, by=person, terms={"overlap": 2})


@pytest.mark.parametrize(
    ("terms", "word"),
    [
        ({"overlap": 0}, "overlap"),
        ({"overlap": 10}, "overlap"),
        ({"overlap": True}, "overlap"),
        ({"overlap": 1.5}, "overlap"),
        ({"iou": 0}, "iou"),
        ({"iou": float("nan")}, "iou"),
        ({"double_share": 1.1}, "double_share"),
        ({"check_share": "all"}, "check_share"),
        ({"first_judgements": -1}, "first_judgements"),
        ({"city_labels": "never"}, "city_labels"),
        ({"city_labels": ["trust"]}, "city_labels"),
        ({"adjudicators": "nobody"}, "adjudicators"),
        ({"hide_prediction": 1}, "hide_prediction"),
        ({"weights": {"luck": 1}}, "weights"),
        ({"weights": {"age": -1}}, "weights"),
        ({"weights": [1]}, "weights"),
        ({"quorum": 2}, "quorum"),
        ({7: 2}, "7"),
    ],
)
def test_terms_that_make_no_sense_are_named(terms, word):
    *_, ada = crowd()
    with pytest.raises(Invalid, match=word):
        policy.change(vehicles(), by=ada, terms=terms)
    assert PolicyVersion.objects.count() == 1


def test_several_faults_are_told_at_once_each_with_its_field():
    *_, ada = crowd()
    with pytest.raises(Invalid) as caught:
        policy.change(vehicles(), by=ada, terms={"overlap": 0, "iou": 7})
    assert set(caught.value.errors) == {"overlap", "iou"}


def test_a_policy_nobody_could_satisfy_is_refused():
    ada = people.ada()
    module = vehicles()
    with pytest.raises(Invalid, match="needs 2 different people, and 1 active person may judge"):
        policy.change(module, by=ada, terms={"overlap": 2})
    with pytest.raises(Invalid, match="2 different people"):
        policy.change(module, by=ada, terms={"double_share": 0.1})
    people.ann()
    with pytest.raises(Invalid, match="nobody left to settle"):
        policy.change(module, by=ada, terms={"overlap": 2})
    assert policy.change(module, by=ada, terms={"overlap": 2, "adjudicators": "any"}).version == 2
    people.al()
    assert policy.change(module, by=ada, terms={"adjudicators": "others"}).version == 3


def test_where_nobody_settles_disputes_several_judgements_are_refused():
    people.ann(), people.al()
    with pytest.raises(Invalid, match="add a reviewer"):
        policy.change(vehicles(), by=None, terms={"overlap": 2})


def test_slots_carry_the_version_they_were_opened_under():
    *_, ada = crowd()
    module = queue()
    policy.change(module, by=ada, terms={"overlap": 2})
    judge(module, people.ann())
    assert list(ReviewSlot.objects.order_by("slot_no").values_list("policy_version", flat=True)) == [1, 2]


def test_raised_samples_that_are_not_settled_need_more():
    ann, al, _, ada = crowd()
    module = queue(2)
    judge(module, ann)
    done = LearningSample.objects.get(state="settled")
    policy.change(module, by=ada, terms={"overlap": 2})
    judge(module, ann)
    other = LearningSample.objects.exclude(pk=done.pk).get()
    assert other.state == SampleState.PENDING
    judge(module, al)
    assert set(LearningSample.objects.values_list("state", flat=True)) == {"settled"}
    assert HitlLabel.objects.filter(sample=done, label_source="review").count() == 1


def test_lowered_what_is_complete_is_settled_by_a_worker_and_the_rest_waits(heard):
    ann, al, _, ada = crowd()
    module = queue(4, overlap=3)
    leases = []
    for _ in range(4):
        leases.append(review.lease_next(module, by=ann))
        decide(leases[-1], ann)
    for number in range(3):
        lease = review.lease_next(module, by=al)
        assert lease.sample == leases[number].sample
        said = ("change", {"correction": {"label": "bus"}}) if number == 1 else ("correct", {})
        decide(lease, al, said[0], **said[1])
    heard.clear()
    policy.change(module, by=ada, terms={"overlap": 2})
    assert reweighing.weigh_module(module.pk) == 3
    assert reweighing.weigh_module(module.pk) == 0
    states = dict(LearningSample.objects.values_list("pk", "state"))
    assert [states[lease.sample.pk] for lease in leases] == ["settled", "disputed", "settled", "pending"]
    assert {change.new_state for change in heard} == {"settled", "disputed"}
    assert ReviewSlot.objects.filter(state="open", kind=SlotKind.NORMAL).get().sample == leases[3].sample
    assert ReviewSlot.objects.filter(state="open", kind=SlotKind.SENIOR).get().sample == leases[1].sample
    assert Event.objects.get(verb="weigh").facts == {"version": 2, "settled": 2, "disputed": 1}


def test_lowered_without_a_worker_the_next_decision_settles():
    ann, al, rhea, ada = crowd()
    module = queue(overlap=4)
    for person in (ann, al):
        judge(module, person)
    policy.change(module, by=ada, terms={"overlap": 2})
    judge(module, rhea)
    assert sample().state == SampleState.SETTLED


def test_the_worker_is_asked_once_the_change_is_committed(monkeypatch):
    *_, ada = crowd()
    sent = []
    monkeypatch.setattr("learning.actions.policy.enqueue", lambda *facts: sent.append(facts))
    module = vehicles()
    policy.change(module, by=ada, terms={"overlap": 2})
    assert sent == [("learning.tasks.weigh_module", module.pk)]


def test_a_share_of_the_samples_is_judged_twice():
    ann, al, *_ = crowd()
    module = queue(12)
    policy.change(module, by=None, terms={"double_share": 0.5})
    module.refresh_from_db()
    twice = {row.sample_id for row in LearningSample.objects.all() if module.policy.needed(row.sample_id) == 2}
    assert 0 < len(twice) < 12
    while lease := review.lease_next(module, by=ann):
        decide(lease, ann)
    assert set(LearningSample.objects.filter(state="pending").values_list("sample_id", flat=True)) == twice
    while lease := review.lease_next(module, by=al):
        decide(lease, al)
    assert not LearningSample.objects.filter(state="pending").exists()


def test_a_hidden_prediction_is_not_told_and_saying_the_same_is_correct():
    crowd()
    module = queue(2)
    policy.change(module, by=None, terms={"hide_prediction": True})
    ann = people.ann()
    lease = review.lease_next(module, by=ann)
    assert lease.hides_prediction
    with pytest.raises(Exception, match="hidden"):
        decide(lease, ann)
    label = decide(lease, ann, "change", correction={"label": "car"}).label
    assert (label.label_status, label.decision, label.correction) == ("correct", "correct", None)
    label = judge(module, ann, "change", correction={"label": "bus"}).label
    assert (label.label_status, label.correction) == ("changed", {"label": "bus"})


def test_any_reviewer_may_settle_where_the_policy_says_so():
    ann, _, rhea, _ = crowd()
    module = queue(overlap=2, policy={"adjudicators": "any"})
    judge(module, ann)
    judge(module, rhea, "change", correction={"label": "bus"})
    assert judge(module, rhea, "correct", kind="dispute").label.dispute_resolution == "correct"
    assert sample().truth == {"label": "car"}


@given(st.text(min_size=1, max_size=40), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_share_draws_all_that_a_smaller_one_drew(name, one, other):
    small, large = sorted((one, other))
    assert drawn(name, large) or not drawn(name, small)
    assert drawn(name, 1)
    assert not drawn(name, 0)


@given(st.lists(st.sampled_from([*LABELS, "unsure"]), min_size=1, max_size=9), st.integers(1, 9))
def test_what_judgements_make_of_a_sample_is_a_strict_majority_or_a_dispute(said, needed):
    rules = Rules.of(LabelSchema(labels=[{"id": number, "name": name} for number, name in enumerate(LABELS, 1)]))
    labels = [
        HitlLabel(label_status="unsure", decision="unsure")
        if word == "unsure"
        else HitlLabel(label_status="changed", decision="change", correction={"label": word})
        for word in said
    ]
    verdict = weigh(labels, needed, rules, 0.9)
    several = max(needed, len(said))
    if "unsure" in said:
        assert verdict is DISPUTED if several > 1 else verdict.state == "excluded"
    elif len(said) < needed:
        assert verdict is None
    else:
        most = max(said, key=said.count)
        assert (verdict is DISPUTED) == (said.count(most) * 2 <= several)
        assert verdict is DISPUTED or verdict.truth == {"label": most}


@pytest.mark.django_db(transaction=True)
def test_policies_change_and_rounds_begin_while_people_judge():
    crowd, ada = (people.ann(), people.al(), people.rhea()), people.ada()
    module = vehicles(review_policy={"city_labels": "review", "overlap": 3})
    many_slots(module, 24)

    def judges(by):
        for number in range(30):
            if (lease := review.lease_next(module, by=by, ahead=2)) is None:
                return
            said = {"decision": "change", "correction": {"label": "bus"}} if number % 7 == 0 else {"decision": "correct"}
            with suppress(Refusal):  # a lease may be lost to another round at any moment
                decide(lease, by, said.pop("decision"), **said)

    def changes():
        for overlap in (1, 2, 3, 1, 2):
            policy.change(module, by=ada, terms={"overlap": overlap})
            reweighing.weigh_module(module.pk)

    def reopens():
        for _ in range(4):
            with transaction.atomic():
                curating.reopen(list(LearningSample.objects.order_by("id").values_list("pk", flat=True)[:12]), ada, {})

    work = [lambda: judges(crowd[0]), lambda: judges(crowd[1]), lambda: judges(crowd[2]), changes, reopens]
    race(lambda index: work[index](), threads=5)
    stays_true()
