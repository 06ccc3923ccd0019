"""Gold: mixed in without a sign, counted for its person alone, kept out of truths, figures and training; the weak are paused."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Event
from core.canonical import canonical_sha256
from core.errors import Conflict, Invalid, Refused
from learning import desk
from learning.actions import curating, erasing, erasure, gold, pause, policy, quality, review, summary
from learning.api.wire import decided_document, lease_document
from learning.models import (
    AnnotatorPause,
    DailyCount,
    GoldAnswer,
    GoldShowing,
    GoldTurn,
    HitlLabel,
    LearningSample,
    QualityCount,
    ReviewSlot,
    SlotState,
)
from learning.proportion import Proportion
from learning.slot_handles import handle
from tests import people
from tests.factories import learning as made

pytestmark = pytest.mark.django_db

POLICY = {
    "city_labels": "review",
    "overlap": 1,
    "gold_share": 0.5,
    "gold_retire_after": 100,
    "gold_threshold": 0.8,
    "gold_min": 3,
    "first_check_share": 0.0,
    "later_check_share": 0.0,
    "random_share": 0.0,
}


def module(**policy):
    return made.vehicles(review_policy={**POLICY, **policy}, accepts_unlabelled=True)


def decide(lease, by, decision="correct", **fields):
    facts = {"lease_token": lease.token, "client_uuid": uuid.uuid4(), **fields}
    return review.decide(lease.slot, by=by, decision=decision, **facts)


def agreed(samples):
    """Have two people who are gone by now say of settled samples what is true."""
    for sample in samples:
        for who in (people.rhea(), people.bo()):
            HitlLabel.objects.create(
                sample=sample,
                city_id=sample.city_id,
                label_status="correct",
                decision="correct",
                prediction=sample.prediction,
                labeled_at=timezone.now(),
                annotator=who,
            )
        LearningSample.objects.filter(pk=sample.pk).update(
            state="settled", truth=sample.prediction, truth_sha256=canonical_sha256(sample.prediction), label_status="correct"
        )
        ReviewSlot.objects.filter(sample=sample).update(state="void")


@pytest.fixture
def golden():
    """A module of which ten samples wait and six are gold: they are cars."""
    vehicles = module()
    samples = made.delivered(made.pune(), 16, label_status=None)
    agreed(samples[:6])
    rhea = people.rhea()
    answers = [gold.promote(LearningSample.objects.get(pk=sample.pk), by=rhea) for sample in samples[:6]]
    return vehicles, answers


def work(of, by, times, *, gold_is="correct", **said):
    """Judge so many samples; of gold ones say `gold_is`. Answers the leases, as the person sees them."""
    leases = []
    for _ in range(times):
        lease = review.lease_next(of, by=by)
        if lease is None:
            break
        leases.append(lease)
        is_gold = ReviewSlot.objects.get(pk=lease.slot).kind == "gold"
        if is_gold and gold_is != "correct":
            decide(lease, by, "change", correction={"label": gold_is})
        else:
            decide(lease, by)
    return leases


def test_a_settled_sample_on_which_two_agree_becomes_gold_once():
    module()
    (sample,) = made.delivered(made.pune(), 1, label_status=None)
    rhea = people.rhea()
    with pytest.raises(Conflict, match="not settled"):
        gold.promote(sample, by=rhea)
    agreed([sample])
    with pytest.raises(Refused):
        gold.promote(sample, by=people.ann())
    answer = gold.promote(sample, by=rhea)
    assert gold.promote(sample, by=rhea) == answer
    assert (answer.version, answer.truth, answer.category) == (1, {"label": "car"}, "car")
    assert LearningSample.objects.get().is_gold
    assert Event.objects.filter(verb="promote_gold").count() == 1


def test_one_persons_word_makes_no_gold():
    module()
    (sample,) = made.delivered(made.pune(), 1, label_status=None)
    agreed([sample])
    HitlLabel.objects.latest("pk").delete()
    with pytest.raises(Conflict, match="two people"):
        gold.promote(sample, by=people.rhea())


def test_retired_gold_may_be_trained_on_and_become_gold_again(golden):
    _module, answers = golden
    rhea, sample = people.rhea(), answers[0].sample
    assert not LearningSample.objects.may_be_trained_on().filter(pk=sample.pk).exists()
    with pytest.raises(Invalid):
        gold.retire(answers[0], by=rhea, reason=" ")
    with pytest.raises(Refused):
        gold.retire(answers[0], by=people.al(), reason="blurred")
    retired = gold.retire(answers[0], by=rhea, reason="The picture is blurred.")
    assert gold.retire(retired, by=rhea, reason="Again.").retired_because == "The picture is blurred."
    assert LearningSample.objects.may_be_trained_on().filter(pk=sample.pk).exists()
    assert gold.promote(sample, by=rhea).version == 2


def test_about_the_share_of_what_a_person_gets_is_gold_and_nothing_tells(golden):
    vehicles, _answers = golden
    ann = people.ann()
    leases = work(vehicles, ann, 16)
    kinds = [ReviewSlot.objects.get(pk=lease.slot).kind for lease in leases]
    assert 3 <= kinds.count("gold") <= 6
    documents = [lease_document(lease) for lease in leases]
    assert {document["kind"] for document in documents} == {"judge"}
    assert len({frozenset(document) for document in documents}) == 1
    assert len({frozenset(document["sample"]) for document in documents}) == 1
    assert "gold" not in str(documents)
    assert GoldShowing.objects.filter(user=ann, is_right=True).count() == kinds.count("gold")


def test_the_answer_to_a_decision_does_not_tell_either(golden):
    vehicles, _answers = golden
    ann = people.ann()
    said = {}
    for _ in range(12):
        lease = review.lease_next(vehicles, by=ann)
        kind = ReviewSlot.objects.get(pk=lease.slot).kind
        document = decided_document(decide(lease, ann))
        assert "gold" not in str(document)
        said.setdefault(kind, []).append({**document["label"], "label_id": 0, "labeled_at": 0})
    assert said["gold"][0] == said["normal"][0]


@pytest.mark.parametrize("overlap", [1, 2])
@pytest.mark.parametrize(
    "said",
    [{"decision": "correct"}, {"decision": "unsure"}, {"decision": "reject", "reason": "privacy"}],
    ids=lambda s: s["decision"],
)
def test_the_list_of_last_decisions_does_not_tell_either(golden, overlap, said):
    vehicles, _answers = golden
    policy.change(vehicles, by=people.ada(), terms={"overlap": overlap})
    vehicles.refresh_from_db()
    ann = people.ann()
    kinds = {}
    for _ in range(8):
        lease = review.lease_next(vehicles, by=ann)
        kinds[handle(lease.slot)] = ReviewSlot.objects.get(pk=lease.slot).kind
        decide(lease, ann, **said)
    recent = desk.beginning(vehicles, vehicles.schema, ann, "judge")["recent"]
    told = {kind: {row["outcome"]["word"] for row in recent if kinds[row["slot"]] == kind} for kind in ("gold", "normal")}
    assert len(told["normal"]) == 1
    assert told["gold"] == told["normal"]


def test_the_draw_is_the_same_when_asked_again_and_differs_between_people(golden):
    vehicles, _answers = golden
    ann, al = people.ann(), people.al()
    drawn = [gold._is_drawn(vehicles, ann, number, 0.25) for number in range(400)]
    assert drawn == [gold._is_drawn(vehicles, ann, number, 0.25) for number in range(400)]
    assert 70 <= sum(drawn) <= 130
    assert drawn != [gold._is_drawn(vehicles, al, number, 0.25) for number in range(400)]


def test_nobody_gets_a_gold_sample_that_they_judged_before(golden):
    vehicles, answers = golden
    rhea = people.rhea()  # she said what is true of all of them
    work(vehicles, rhea, 20)
    assert not GoldShowing.objects.filter(user=rhea).exists()
    ann = people.ann()
    work(vehicles, ann, 30)
    made.delivered(made.pune("city_delhi"), 12, label_status=None, first=50)
    work(vehicles, ann, 12)
    shown = list(GoldShowing.objects.filter(user=ann).values_list("gold", flat=True))
    assert len(shown) == len(set(shown)) <= len(answers)


def test_without_a_share_nothing_is_noted_or_shown():
    vehicles = module(gold_share=0.0)
    made.delivered(made.pune(), 3, label_status=None)
    work(vehicles, people.ann(), 3)
    assert not GoldTurn.objects.exists()
    assert not GoldShowing.objects.exists()


def test_a_gold_judgement_makes_no_truth_and_counts_nowhere_but_for_its_person(golden):
    vehicles, _answers = golden
    ann = people.ann()
    before = {sample.pk: (sample.state, sample.truth_sha256) for sample in LearningSample.objects.filter(is_gold=True)}
    work(vehicles, ann, 16, gold_is="bus")
    assert GoldShowing.objects.filter(user=ann, is_right=False).count() >= 3
    assert before == {sample.pk: (sample.state, sample.truth_sha256) for sample in LearningSample.objects.filter(is_gold=True)}
    summary.refresh()
    quality.refresh()
    normal = HitlLabel.objects.filter(annotator=ann, label_source="review").count()
    others = HitlLabel.objects.exclude(annotator=ann).count()
    counted = DailyCount.objects.filter(measure__in=["correct", "changed", "unsure"])
    assert sum(row.n for row in counted) == normal + others
    assert not counted.filter(measure="changed").exists()
    rows = QualityCount.objects.filter(person=ann)
    assert sum(row.n for row in rows.filter(measure="judged")) == normal
    (told,) = rows.filter(measure="gold")
    assert (told.hits, told.n) == (0, GoldShowing.objects.filter(user=ann).count())
    assert not rows.filter(measure="pair").exists()
    assert not QualityCount.objects.filter(measure="corrected", hits__gt=0).exists()


def test_a_skipped_gold_sample_comes_back_to_the_same_person_only(golden):
    vehicles, _answers = golden
    ann, al = people.ann(), people.al()
    while True:
        lease = review.lease_next(vehicles, by=ann)
        if ReviewSlot.objects.get(pk=lease.slot).kind == "gold":
            break
        decide(lease, ann)
    decide(lease, ann, "skip")
    assert ReviewSlot.objects.get(pk=lease.slot).state == SlotState.OPEN
    assert lease.slot not in [each.slot for each in work(vehicles, al, 20)]
    assert lease.slot in [each.slot for each in work(vehicles, ann, 20)]


def test_who_skips_a_gold_sample_is_given_others(golden):
    vehicles, answers = golden
    ann, given = people.ann(), []
    known = {answer.sample_id for answer in answers}
    for _ in range(9):  # of ten that wait
        lease = review.lease_next(vehicles, by=ann)
        is_gold = lease.sample.pk in known
        decide(lease, ann, "skip" if is_gold and not given else "correct")
        given += [lease.sample.pk] if is_gold else []
    assert len(set(given)) > 2
    assert GoldShowing.objects.filter(user=ann).count() == len(given) - 1


def test_undoing_a_gold_answer_forgets_it_and_it_may_be_given_again(golden):
    vehicles, _answers = golden
    ann = people.ann()
    lease = None
    while not GoldShowing.objects.exists():
        lease = review.lease_next(vehicles, by=ann)
        decide(lease, ann, "change", correction={"label": "bus"})
    again = review.undo(lease.slot, by=ann)
    assert lease_document(again)["kind"] == "judge"
    assert not GoldShowing.objects.exists()
    answer = GoldAnswer.objects.get(sample=lease.sample)
    assert (answer.showings, answer.right_answers) == (0, 0)
    decide(again, ann)
    assert GoldShowing.objects.get().is_right


def test_gold_is_retired_after_so_many_showings():
    vehicles = module(gold_retire_after=2)
    samples = made.delivered(made.pune(), 12, label_status=None)
    agreed(samples[:1])
    answer = gold.promote(LearningSample.objects.get(pk=samples[0].pk), by=people.rhea())
    for who in (people.ann(), people.al()):
        work(vehicles, who, 5)
    answer.refresh_from_db()
    assert (answer.showings, answer.right_answers, answer.retired_because) == (2, 2, "Shown 2 times.")
    assert not LearningSample.objects.get(pk=samples[0].pk).is_gold


def test_gold_whose_answer_changes_is_retired(golden):
    _module, answers = golden
    rhea = people.rhea()
    curating.reopen([answers[0].sample_id], rhea, {"reason": "The guide was wrong."})
    answers[0].refresh_from_db()
    assert answers[0].retired_because == "Its answer changed."
    assert GoldAnswer.objects.active().count() == 5


def test_what_changed_while_a_person_had_it_in_hand_is_not_held_against_them(golden):
    vehicles, _answers = golden
    ann = people.ann()
    while ReviewSlot.objects.get(pk=(lease := review.lease_next(vehicles, by=ann)).slot).kind != "gold":
        decide(lease, ann)
    curating.reopen([lease.sample.pk], people.rhea(), {"reason": "The guide was wrong."})
    decide(lease, ann, "change", correction={"label": "bus"})
    assert not GoldShowing.objects.filter(gold__sample=lease.sample).exists()
    assert LearningSample.objects.get(pk=lease.sample.pk).state == "pending"


def test_erasing_a_sample_empties_what_was_known_of_it(golden):
    _module, answers = golden
    asked = erasure.draft("samples", {"samples": [answers[0].sample.sample_id]}, by=None)
    gathered = erasure.gather(asked.pk)
    erasure.confirm(gathered, by=None, confirmation=erasure.phrase(gathered))
    erasing.run(asked.pk)
    answers[0].refresh_from_db()
    assert (answers[0].truth, answers[0].retired_because) == ({}, "Its answer changed.")


def test_who_falls_below_the_threshold_is_paused_and_told_the_score_alone(golden):
    vehicles, _answers = golden
    ann = people.ann()
    work(vehicles, ann, 16, gold_is="bus")
    answers = GoldShowing.objects.filter(user=ann).count()
    assert gold.score(vehicles.pk, ann.pk) == Proportion(0, answers)
    held = review.lease_next(vehicles, by=people.al())
    assert gold.pause_weak() == 1
    assert gold.pause_weak() == 0
    row = AnnotatorPause.objects.get()
    assert (row.user, row.by, row.score, row.answers) == (ann, None, 0.0, answers)
    with pytest.raises(Refused) as refused:
        review.lease_next(vehicles, by=ann)
    assert refused.value.code == "paused"
    assert f"of your last {answers} samples whose answer is known, 0% were right" in refused.value.detail
    assert "e-" not in refused.value.detail + str(refused.value.facts)
    assert review.lease_next(vehicles, by=people.al()).slot == held.slot


def test_what_is_in_hand_when_the_pause_comes_still_counts_and_nothing_follows(golden):
    vehicles, _answers = golden
    ann = people.ann()
    lease = review.lease_next(vehicles, by=ann)
    pause.pause(vehicles, ann, by=people.rhea(), why="Let us talk about the guide first.")
    assert ReviewSlot.objects.get(pk=lease.slot).state == SlotState.OPEN
    decided = decide(lease, ann, next=True)
    assert decided.label is not None
    assert decided.next_lease is None
    for act in (lambda: review.lease_next(vehicles, by=ann), lambda: review.undo(lease.slot, by=ann)):
        with pytest.raises(Refused, match="Let us talk about the guide first"):
            act()
    assert not ReviewSlot.objects.filter(lease_user=ann, state=SlotState.LEASED).exists()


def test_a_reviewer_lifts_a_pause_and_the_score_begins_anew(golden):
    vehicles, _answers = golden
    ann, rhea = people.ann(), people.rhea()
    work(vehicles, ann, 16, gold_is="bus")
    gold.pause_weak()
    row = AnnotatorPause.objects.get()
    with pytest.raises(Refused):
        pause.lift(row, by=people.al(), why="I think so.")
    with pytest.raises(Invalid):
        pause.lift(row, by=rhea, why="")
    lifted = pause.lift(row, by=rhea, why="We talked.")
    assert pause.lift(row, by=people.bo(), why="Twice.").lifted_by == lifted.lifted_by == rhea
    assert gold.score(vehicles.pk, ann.pk) == Proportion(0, 0)
    assert gold.pause_weak() == 0
    made.delivered(made.pune("city_delhi"), 1, label_status=None, first=90)
    assert review.lease_next(vehicles, by=ann) is not None


def test_nobody_lifts_their_own_pause(golden):
    vehicles, _answers = golden
    rhea = people.rhea()
    row = pause.pause(vehicles, rhea, by=people.bo(), why="Too fast.")
    assert pause.pause(vehicles, rhea, by=people.bo(), why="Again.") == row
    with pytest.raises(Refused, match="Somebody else"):
        pause.lift(row, by=rhea, why="I am fine.")


def test_nobody_is_paused_before_there_are_enough_answers(golden):
    vehicles, _answers = golden
    vehicles.review_policy = {**vehicles.review_policy, "gold_min": 50}
    vehicles.save()
    work(vehicles, people.ann(), 16, gold_is="bus")
    assert gold.pause_weak() == 0


def test_gold_that_nobody_came_back_to_is_dropped(golden):
    vehicles, _answers = golden
    ann = people.ann()
    while not (held := ReviewSlot.objects.filter(kind="gold", state="leased")).exists():
        decide(review.lease_next(vehicles, by=ann), ann)
        review.lease_next(vehicles, by=ann)
    longer_ago = timezone.now() - timedelta(days=2)
    held.update(created_at=longer_ago, lease_until=longer_ago)
    gold.pause_weak()
    assert not held.exists()


def test_a_whole_selection_is_promoted_and_what_cannot_be_is_let_be(golden):
    _module, answers = golden
    rhea = people.rhea()
    keys = list(LearningSample.objects.order_by("pk").values_list("pk", flat=True))
    gold.retire(answers[0], by=rhea, reason="To see it promoted.")
    outcome = gold.promote_all(keys, rhea, {})
    assert (outcome.changed, outcome.skipped) == (1, {"gold already": 5, "not settled": 10})
