"""Counts of quality: they equal figures computed slowly from the judgements, and stay true however these change."""

import uuid
from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone

from core.errors import Refused
from learning import agreement, confusion, quality_figures
from learning.actions import quality, review
from learning.annotation import Rules
from learning.models import HitlLabel, LearningSample, QualityCount, QualityStretch, ReviewSlot
from learning.models import quality as model
from learning.proportion import Proportion
from tests import people
from tests.factories import learning as made
from tests.numbering import begin_at_one

pytestmark = pytest.mark.django_db

LONG_AGO, FAR_OFF = date(2020, 1, 1), date(2100, 1, 1)


@pytest.fixture(autouse=True)
def _short_stretches(db, monkeypatch):
    """Stretches of four keys, so that there are many."""
    begin_at_one(HitlLabel)
    for module in (model, quality):
        monkeypatch.setattr(module, "STRETCH", 4)


def judge(module, by, label, *, seconds=2.0, **said):
    """Judge the next sample: it is a `label`."""
    lease = review.lease_next(module, by=by)
    right = lease.sample.prediction == {"label": label}
    facts = {"decision": "correct"} if right else {"decision": "change", "correction": {"label": label}}
    facts = said or facts
    return review.decide(lease.slot, by=by, lease_token=lease.token, client_uuid=uuid.uuid4(), seconds=seconds, **facts)


@pytest.fixture
def judged():
    """Nine samples that Ann and Al judged, of two cities; about three of them they differ, and Rhea settles one of those."""
    module = made.vehicles(review_policy={"city_labels": "review", "overlap": 2}, accepts_unlabelled=True)
    by = {"model": "vehicles", "version": "1.0.0"}
    made.delivered(made.pune(), 5, label_status=None, predicted_by=by)
    made.delivered(made.pune("city_delhi"), 4, label_status=None, predicted_by={**by, "version": "1.1.0"})
    ann, al = people.ann(), people.al()
    for number in range(9):
        judge(module, ann, "car" if number % 4 else "bus", seconds=1 + number)
    for number in range(9):
        judge(module, al, "car" if number % 3 else "bus", seconds=3.14159)
    rhea = people.rhea()
    lease = review.lease_next(module, by=rhea, kind="dispute")
    review.decide(lease.slot, by=rhea, lease_token=lease.token, client_uuid=uuid.uuid4(), decision="correct")
    return module, ann, al, rhea


def rows(module):
    return quality_figures.counts(module, LONG_AGO, FAR_OFF)


def answers():
    """What Ann and Al said, sample by sample."""
    rules = Rules.of(LearningSample.objects.first().module.schema)
    said = {}
    for label in HitlLabel.objects.filter(label_source="review", dispute_resolution="").order_by("id"):
        value = label.correction or label.prediction
        said.setdefault(label.sample_id, []).append(confusion.category(value, rules))
    return [pair for pair in said.values() if len(pair) > 1]


def kept():
    columns = ("measure", "module", "week", "person", "city", "model", "version", "said", "meant", "judges", "other")
    summed = {}
    for *cut, n, hits, amount in QualityCount.objects.values_list(*columns, "n", "hits", "amount"):
        old = summed.get(tuple(cut), (0, 0, 0))
        summed[tuple(cut)] = (old[0] + n, old[1] + hits, round(old[2] + amount, 9))
    return summed


def counted_whole(monkeypatch):
    """What one stretch of everything says."""
    with monkeypatch.context() as patch:
        for module in (model, quality):
            patch.setattr(module, "STRETCH", 10**6)
        QualityStretch.objects.all().delete()
        quality.refresh()
        return kept()


def test_short_stretches_say_what_one_long_one_says(judged, monkeypatch):
    quality.refresh()
    while QualityStretch.objects.filter(counted_at=None).exists():
        quality.refresh()
    short = kept()
    assert QualityStretch.objects.count() > 3
    assert short == counted_whole(monkeypatch)


def test_agreement_is_that_of_the_answers(judged):
    module = judged[0]
    quality.refresh()
    told = quality_figures.agreement_of(rows(module))
    said = answers()
    assert len(said) == 9
    assert told.pairs == Proportion(sum(one == other for one, other in said), 9)
    assert told.alpha == pytest.approx(agreement.krippendorff(agreement.coincidences(said)))
    by_city = quality_figures.agreement_by_city(rows(module))
    assert sum(cut.pairs.n for cut in by_city.values()) == 9
    assert len(by_city) == 2
    by_class = quality_figures.agreement_by_class(rows(module))
    assert by_class["bus"].n == sum(pair.count("bus") for pair in said)
    assert [rate for _week, rate in quality_figures.agreement_by_week(rows(module))] == [told.pairs]


def test_a_persons_week_says_how_much_how_fast_and_how_right(judged):
    module, ann, al, rhea = judged
    quality.refresh()
    weeks = {week.person: week for week in quality_figures.by_person(rows(module))}
    assert set(weeks) == {ann.pk, al.pk, rhea.pk}
    assert (weeks[ann.pk].judged, weeks[ann.pk].seconds) == (9, 5.0)
    assert weeks[al.pk].seconds == 3.1
    assert weeks[rhea.pk].seconds is None
    settled = LearningSample.objects.filter(state="settled")
    right = sum(
        (label.correction or label.prediction) == label.sample.truth
        for label in HitlLabel.objects.filter(annotator=ann, sample__in=settled)
    )
    assert weeks[ann.pk].right == Proportion(right, settled.count())
    assert weeks[rhea.pk].right.n == weeks[rhea.pk].agreement.n == 0
    assert weeks[ann.pk].gold.n == weeks[ann.pk].checked.n == 0


def test_of_a_persons_texts_it_is_told_how_many_are_right(judged):
    plates = made.vehicles(
        slug="plates", task="text", labels=(), review_policy={"city_labels": "review"}, accepts_unlabelled=True
    )
    made.delivered(made.pune("city_goa"), 3, first=50, ai_module="plates", label_status=None, prediction={"text": "DL 1C 4567"})
    ann = judged[1]
    for said in ({"decision": "correct"}, {"decision": "change", "correction": {"text": "DL 1C 4561"}}):
        judge(plates, ann, "", **said)
    LearningSample.objects.filter(truth={"text": "DL 1C 4561"}).update(truth={"text": "DL 1C 4567"})
    quality.refresh()
    while QualityStretch.objects.filter(counted_at=None).exists():
        quality.refresh()
    (week,) = quality_figures.by_person(rows(plates))
    assert (week.person, week.right) == (ann.pk, Proportion(1, 2))


def test_a_senior_who_answers_late_is_none_of_those_who_judged_blind(judged):
    module, _ann, _al, rhea = judged
    bo = people.bo()
    late = review.lease_next(module, by=rhea, kind="dispute")
    ReviewSlot.objects.filter(pk=late.slot).update(lease_until=timezone.now() - timedelta(minutes=1))
    taken = review.lease_next(module, by=bo, kind="dispute")
    assert taken.sample == late.sample
    for by, lease, said in ((bo, taken, "correct"), (rhea, late, "unsure")):
        label = review.decide(lease.slot, by=by, lease_token=lease.token, client_uuid=uuid.uuid4(), decision=said).label
    quality.refresh()
    while QualityStretch.objects.filter(counted_at=None).exists():
        quality.refresh()
    assert (label.label_source, LearningSample.objects.get(pk=late.sample.pk).state) == ("validation", "settled")
    weeks = {week.person: week for week in quality_figures.by_person(rows(module))}
    assert weeks[rhea.pk].agreement.n == 0
    assert quality_figures.agreement_of(rows(module)).pairs.n == 9


def test_a_sample_that_was_gold_later_still_counts_for_what_was_said_of_it_before(judged):
    module, ann, _al, _rhea = judged
    for sample in LearningSample.objects.filter(state="settled"):
        said = {"label_source": "gold", "label_status": "correct", "decision": "correct", "prediction": sample.prediction}
        HitlLabel.objects.create(
            sample=sample, city_id=sample.city_id, annotator=people.bo(), labeled_at=timezone.now(), **said
        )
    quality.refresh()
    while QualityStretch.objects.filter(counted_at=None).exists():
        quality.refresh()
    assert quality_figures.agreement_of(rows(module)).pairs.n == 9
    weeks = {week.person: week for week in quality_figures.by_person(rows(module))}
    assert weeks[ann.pk].agreement.n == 9


def test_boxes_are_the_same_from_the_overlap_on_that_the_policy_names():
    policy = {"city_labels": "review", "overlap": 2, "iou": 0.5}
    module = made.vehicles(task="detection", review_policy=policy, accepts_unlabelled=True)
    made.delivered(made.pune(), 1, label_status=None, prediction={"boxes": [{"label": "car", "bbox": [0, 0, 20, 20]}]})
    ann, al = people.ann(), people.al()
    people.rhea()
    judge(module, ann, "", decision="correct")
    judge(module, al, "", decision="change", correction={"boxes": [{"label": "car", "bbox": [0, 0, 20, 14]}]})
    quality.refresh()
    assert LearningSample.objects.get().state == "settled"
    assert quality_figures.agreement_of(rows(module)).pairs == Proportion(1, 1)
    weeks = {week.person: week for week in quality_figures.by_person(rows(module))}
    assert [weeks[who.pk].right for who in (ann, al)] == [Proportion(1, 1)] * 2


def test_corrections_are_by_city_and_version_of_the_model(judged):
    module = judged[0]
    quality.refresh()
    told = {row.version: row for row in quality_figures.corrections(rows(module))}
    assert set(told) == {"1.0.0", "1.1.0"}
    for version, row in told.items():
        labels = HitlLabel.objects.filter(sample__predicted_by__version=version)
        assert row.rate == Proportion(labels.filter(label_status="changed").count(), labels.count())


def test_confusion_is_counted_of_people_and_of_models(judged):
    module = judged[0]
    quality.refresh()
    settled = LearningSample.objects.filter(state="settled")
    table = quality_figures.confusion(rows(module), "predicted")
    assert sum(table.cells.values()) == table.errors.n == settled.count()
    assert table.cells.get(("car", "bus"), 0) == settled.filter(truth={"label": "bus"}).count() == table.errors.hits
    assert quality_figures.confusion(rows(module), "said").errors.n == 2 * settled.count()


def test_a_later_judgement_has_the_earlier_stretch_counted_again(judged, monkeypatch):
    module = judged[0]
    while quality._is_behind(None, timezone.now()) and QualityStretch.objects.filter(counted_at=None).exists():
        quality.refresh()
    quality.refresh()
    rhea = people.rhea()
    lease = review.lease_next(module, by=rhea, kind="dispute")
    review.decide(
        lease.slot,
        by=rhea,
        lease_token=lease.token,
        client_uuid=uuid.uuid4(),
        decision="change",
        correction={"label": "bicycle"},
    )
    for _ in range(4):
        quality.refresh()
    assert kept() == counted_whole(monkeypatch)
    assert ("predicted", "bicycle") in {(cut[0], cut[8]) for cut in kept()}


def test_what_is_undone_is_counted_no_more_once_its_turn_has_come(judged, monkeypatch):
    monkeypatch.setattr(quality, "OLDEST", 100)
    quality.refresh()
    label = HitlLabel.objects.filter(label_source="review").earliest("pk")
    HitlLabel.objects.filter(pk=label.pk).update(withdrawn_at=timezone.now())
    quality.refresh()
    assert kept() == counted_whole(monkeypatch)


def test_nothing_is_counted_where_nothing_is_new(judged, monkeypatch):
    monkeypatch.setattr(quality, "OLDEST", 0)
    QualityStretch.objects.all().delete()
    HitlLabel.objects.update(created_at=timezone.now() - timedelta(hours=1))
    while quality.refresh():
        pass
    assert quality.refresh() == 0


def test_a_week_begins_on_monday():
    assert quality.monday(datetime(2026, 11, 22, 23, 59, tzinfo=UTC)) == date(2026, 11, 16)
    assert quality.monday(datetime(2026, 11, 23, tzinfo=UTC)) == date(2026, 11, 23)


def test_a_reviewer_lets_everything_be_counted_again(judged):
    quality.refresh()
    before = kept()
    assert quality.rebuild(by=people.rhea()) > 3
    assert kept() == before
    quality.refresh()
    assert kept() == before
    with pytest.raises(Refused):
        quality.rebuild(by=people.ann())


def test_texts_are_counted_by_character_and_never_kept(monkeypatch):
    policy = {"city_labels": "review", "overlap": 1}
    module = made.vehicles(task="text", labels=(), review_policy=policy, accepts_unlabelled=True)
    made.delivered(made.pune(), 2, label_status=None, prediction={"text": "MH 12 AO 1"})
    ann = people.ann()
    judge(module, ann, None, decision="change", correction={"text": "MH12A01"})
    judge(module, ann, None, decision="correct")
    quality.refresh()
    table = quality_figures.confusion(rows(module), "predicted_char")
    assert sum(table.cells.values()) >= 1
    assert not {cut for cut in kept() if "MH" in cut[7] + cut[8]}
    (week,) = quality_figures.by_person(rows(module))
    assert week.errors.hits == 0
    assert week.errors.n > 0


@pytest.mark.parametrize(
    ("values", "middle"), [([], None), ([(2.0, 1)], 2.0), ([(1.0, 5), (9.0, 4)], 1.0), ([(9.0, 5), (1.0, 4)], 9.0)]
)
def test_the_median_is_the_value_in_the_middle(values, middle):
    assert quality_figures.median(values) == middle
