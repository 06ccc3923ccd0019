"""Versions beside each other, the release gate, and suspected labels: verbs and pages."""

import pytest
from django.urls import reverse

from accounts.models import Event
from core.errors import Conflict, Invalid, Refused
from learning.actions import priority
from learning.models import HitlLabel, LearningSample, ReviewSlot
from learning.models.review import PUT_FIRST
from tests import people
from tests.factories import training as make
from tests.factories.scorings import scored
from tests.factories.training_models import FrozenVersionFactory, ModelVersionFactory
from tests.pages import looking, said, text_of
from training import gate, standing
from training.actions import gate as gate_verbs
from training.actions import model_version, suspects
from training.models import EvaluationMethod, ModelStatus

pytestmark = pytest.mark.django_db
FLOOR = {"measure": "accuracy", "kind": "at_least", "value": 0.9}


@pytest.fixture
def frozen():
    ada = people.ada()
    make.samples(ada, 40)
    return make.frozen(ada, seed=7, split={"train": 0.5, "validation": 0.0, "test": 0.5})


@pytest.fixture
def members(frozen):
    return list(frozen.members.filter(split="test").order_by("sample").values_list("sample", flat=True))


def versions_of(frozen, count=2, **facts):
    return [ModelVersionFactory(module=frozen.dataset.module, dataset_version=frozen, **facts) for _ in range(count)]


def test_versions_stand_on_one_split_with_what_each_lost_and_won(frozen, members, django_assert_num_queries):
    one, two, three = versions_of(frozen, 3)
    scored(one, frozen, wrong=members[:9])  # an older one does not count
    scored(one, frozen, wrong=members[:2], by_class=[{"label": "1", "truths": 5, "f1": 0.9}])
    scored(two, frozen, wrong=members[1:6], by_class=[{"label": "1", "truths": 5, "f1": 0.8}])
    scored(three, FrozenVersionFactory(dataset__module=one.module))  # on another test set: never mixed in
    assert standing.grounds([one, two, three]) == [(frozen, "test")]
    found = standing.stand([one, two, three], frozen, "test")
    assert found.missing == [three]
    assert found.swaps() == [{"version": two, "lost": 4, "won": 1}, {"version": three, "lost": None, "won": None}]
    assert found.classes == [{"label": "1", "truths": 5, "values": [0.9, 0.8, None]}]
    assert dict(found.measures)["accuracy"][2] is None
    first, second, _ = found.evaluations
    ada = people.ada()
    with django_assert_num_queries(1):
        rows = list(standing.swapped(second, first, ada))
    assert [row.sample_id for row in rows] == members[2:6]
    assert list(standing.swapped(second, first, people.ada(), truth="7")) == []
    for bad in ([one], [one, one], [*versions_of(frozen, 7)], [one, ModelVersionFactory(module__slug="plates")]):
        with pytest.raises(Invalid):
            standing.stand(bad, frozen, "test")
    with pytest.raises(Invalid, match="no split"):
        standing.stand([one, two], frozen, "all")


def test_the_page_compares_draws_and_has_those_scored_that_were_not(frozen, members):
    one, two, three = versions_of(frozen, 3, status=ModelStatus.TESTING)
    scored(one, frozen, wrong=members[:1], by_class=[{"label": "1", "truths": 5, "f1": 0.9}])
    scored(two, frozen, wrong=members[1:3], by_class=[{"label": "1", "truths": 5, "f1": 0.8}])
    ada, here = looking(people.ada()), reverse("training:model-compare")
    named = {"model": [one.pk, two.pk, three.pk]}
    page = ada.get(here, named)
    assert "Not scored on this split yet" in text_of(page)
    assert [one["sample"].pk for one in page.context["drawn"]] == members[1:3]
    won = ada.get(here, {**named, "against": two.pk, "side": "won", "label": "1"})
    assert [one["sample"].pk for one in won.context["drawn"]] == members[:1]
    on = page.context["on"]
    answer = ada.post(reverse("training:model-compare-evaluate"), {**named, "on": on}, follow=True)
    assert said(answer) == ["1 evaluation waits for a worker."]
    assert three.evaluations.get().evaluated_split == "test"
    for bad in ({}, {"model": [one.pk]}, {"model": ["x", one.pk]}, {"model": [one.pk] * 2}):
        assert "Compare 2 to 6 different versions." in said(ada.get(here, bad, follow=True))
    assert "Nothing to compare on" in text_of(ada.get(here, {"model": [ModelVersionFactory().pk, ModelVersionFactory().pk]}))
    assert ada.get(here, {**named, "on": "x:test", "against": "y", "label": "\x00"}).status_code == 200
    api = f"/api/v1/training/models/{one.pk}/compare"
    asked = {"with": f"{two.pk},{three.pk}", "dataset_version_id": frozen.pk}
    told = ada.get(api, asked).json()
    assert (told["not_evaluated"], told["swaps"][0]) == ([str(three.pk)], {"id": str(two.pk), "lost": 2, "won": 1})
    assert told["classes"] == [{"label": "1", "f1": [0.9, 0.8, None]}]
    assert "swaps" not in looking(people.olga()).get(api, asked).json()
    for bad, status in (({}, 400), ({**asked, "with": str(one.pk)}, 422), ({**asked, "split": "all"}, 422)):
        assert ada.get(api, bad).status_code == status
    olga = looking(people.olga()).get(here, named)  # everybody's models: figures, and nothing of samples
    assert "drawn" not in olga.context
    assert "Truths" not in text_of(olga)


def test_the_gate_is_green_or_red_by_the_newest_test(frozen, members):
    module = frozen.dataset.module
    active, version = versions_of(frozen)
    type(active).objects.filter(pk=active.pk).update(
        status=ModelStatus.RELEASED, approved_by=people.bo(), approved_at=frozen.created_at, is_active=True
    )
    gate_verbs.set_rules(
        module,
        by=people.ada(),
        rules=[
            FLOOR,
            {"measure": "ece", "kind": "at_most", "value": 0.1},
            {"measure": "recall", "kind": "each_class_at_least", "value": 0.8},
            {"measure": "accuracy", "kind": "not_worse", "value": 0.01},
        ],
    )
    version.refresh_from_db()
    assert [verdict.found for verdict in gate.judge(version).verdicts] == ["It was not evaluated on a test split."] * 4
    classes = [{"label": "1", "truths": 9, "recall": 0.7}, {"label": "2", "truths": 0, "recall": 0.0}]
    facts = {"calibration": {"ece": 0.05, "bins": []}, "by_class": classes}
    scored(version, frozen, accuracy=0.95, split="validation")  # proves nothing
    scored(version, frozen, accuracy=0.95, **facts)
    told = gate.judge(version)
    assert [verdict.is_green for verdict in told.verdicts] == [True, True, False, False]
    assert told.verdicts[2].found == "0.7 for 1"
    assert "was not evaluated on" in told.verdicts[3].found
    scored(active, frozen, accuracy=0.955)
    assert gate.judge(version).verdicts[3].found == "0.95 beside 0.955"
    assert gate.judge(version).verdicts[3].is_green
    scored(active, frozen, accuracy=0.97)
    assert not gate.judge(version).verdicts[3].is_green
    assert gate.judge(active).verdicts[3].is_green  # beside no other one


@pytest.mark.parametrize(
    "rules",
    [
        "accuracy", 5, [5], [{}], [{**FLOOR, "more": 1}], [{**FLOOR, "measure": "luck"}], [{**FLOOR, "measure": []}],
        [{**FLOOR, "kind": "about"}], [{**FLOOR, "value": float("nan")}], [{**FLOOR, "value": True}],
        [{**FLOOR, "value": "1"}], [{**FLOOR, "kind": "each_class_at_least"}], [FLOOR] * 21,
    ],
)  # fmt: skip
def test_what_is_no_rule_is_refused_in_words(rules):
    module = make.module(people.ada())
    with pytest.raises(Invalid):
        gate_verbs.set_rules(module, by=people.ada(), rules=rules)
    module.refresh_from_db()
    assert module.release_gate == []


def test_against_a_red_gate_one_approves_only_with_a_reason_that_is_kept(frozen):
    module = frozen.dataset.module
    with pytest.raises(Refused):
        gate_verbs.set_rules(module, by=people.rhea(), rules=[FLOOR])
    form = {"form-TOTAL_FORMS": 1, "form-INITIAL_FORMS": 0, "form-0-measure": "accuracy", "form-0-kind": "at_least"}
    page = reverse("training:model-gate", args=[module.slug])
    assert said(looking(people.ada()).post(page, {**form, "form-0-value": "0.9"}, follow=True)) == ["The release gate is kept."]
    module.refresh_from_db()
    assert module.release_gate == [FLOOR]
    assert Event.objects.get(verb="set_gate").facts == {"before": [], "after": [FLOOR]}
    version = versions_of(frozen, 1, status=ModelStatus.TESTING)[0]
    scored(version, frozen, accuracy=0.8)
    bo, here = looking(people.bo()), reverse("training:model", args=[version.pk])
    assert "The release gate is red" in text_of(bo.get(here))
    with pytest.raises(Conflict, match=r"accuracy at least 0\.9") as refused:
        model_version.approve(version, by=people.bo(), against_gate=" ")
    assert refused.value.facts == {"red": ["accuracy at least 0.9"]}
    bo.post(reverse("training:model-approve", args=[version.pk]), {"against_gate": "Only for the dark months."})
    version.refresh_from_db()
    assert (version.status, version.gate["reason"]) == (ModelStatus.APPROVED, "Only for the dark months.")
    facts = Event.objects.get(verb="approve").facts
    assert facts == {"red": ["accuracy at least 0.9"], "against_gate": "Only for the dark months."}
    gate_verbs.set_rules(module, by=people.ada(), rules=[])
    assert "Only for the dark months." in text_of(bo.get(here))  # what it said at the approval stays


def test_suspected_labels_wait_first_in_review(frozen):
    version = versions_of(frozen, 1)[0]
    train = list(frozen.members.filter(split="train").order_by("sample").values_list("sample", flat=True))
    page, queue = reverse("training:model", args=[version.pk]), reverse("training:model-suspects", args=[version.pk])
    ada = looking(people.ada())
    assert "No label of this version is suspected" in said(ada.post(queue, follow=True))[0]
    scored(version, frozen, split="train", method=EvaluationMethod.FOLDS, wrong=train[:3], doubts=train[:3])
    shown = ada.get(page)
    assert shown.context["suspected_count"] == 3
    other = LearningSample.objects.exclude(pk__in=train).first()
    ReviewSlot.opened(other).save()
    assert said(ada.post(queue, follow=True)) == ["3 wait first in review; 0 were let be: they wait already, or have no image."]
    priority.refresh()
    first = ReviewSlot.objects.filter(state="open").order_by("-priority", "id")
    assert [slot.sample_id for slot in first][:3] == train[:3]
    assert {slot.priority for slot in first[:3]} == {PUT_FIRST}
    assert "3 were let be" in said(ada.post(queue, follow=True))[0]
    assert Event.objects.filter(verb="queue_suspects").count() == 2
    with pytest.raises(Refused):
        suspects.queue_first(version, by=people.olga())


def test_a_model_leads_back_to_its_samples_and_whose_decisions_they_carry(frozen, members):
    version = versions_of(frozen, 1)[0]
    train = list(frozen.members.filter(split="train").order_by("sample").values_list("sample", flat=True))
    for key, by in ((train[0], people.ann()), (train[1], people.ann()), (train[2], None), (members[0], people.ann())):
        sample = LearningSample.objects.get(pk=key)
        HitlLabel.objects.create(
            sample=sample, city=sample.city, label_status="correct", decision="correct", labeled_at=make.NOON, annotator=by,
            label_source="review" if by else "correction",
        )  # fmt: skip
    frozen.members.filter(sample=train[3]).update(erased_at=make.NOON)
    gone = LearningSample.objects.get(pk=train[3])
    here = reverse("training:model-origin", args=[version.pk])
    page = looking(people.ada()).get(here)
    assert [(row["who"], row["n"]) for row in page.context["decided"]] == [(str(people.ann()), 2), (None, 1)]
    assert [row["sample_id"] for row in page.context["erased"]] == [gone.sample_id]
    assert [row.sample_id for row in page.context["page"].results] == train
    assert looking(people.olga()).get(here).status_code == 404  # everybody's model, the hub's samples
    assert looking(people.ann()).get(here).status_code == 403
    bare = ModelVersionFactory()
    assert "It was not trained here." in text_of(looking(people.ada()).get(reverse("training:model-origin", args=[bare.pk])))


def test_the_field_is_counted_by_city_and_week_for_the_version_that_predicted(frozen):
    version, ada = versions_of(frozen, 1)[0], people.ada()
    told = {"predicted_by": {"model": "meter_digits", "version": version.version}}
    rows = LearningSample.objects.order_by("pk")
    rows.filter(pk__in=list(rows.values_list("pk", flat=True)[:4])).update(confidence=0.5, prediction={"label": "1"}, **told)
    rows.filter(pk=rows.first().pk).update(prediction={})
    rows.filter(pk=rows.last().pk).update(predicted_by={"model": "meter_digits", "version": "0.0.9"})
    here = reverse("training:model-field", args=[version.pk])
    found = looking(ada).get(here).context["rows"]
    assert [(row.city.slug, row.empty.hits, row.empty.n, row.confidence) for row in found] == [("city_pune", 1, 4, 0.5)]
    assert list(looking(people.olga()).get(here).context["rows"]) == []  # another city's figures are not hers
