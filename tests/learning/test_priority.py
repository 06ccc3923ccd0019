"""The order of the queue: what is uncertain, rare or neglected comes first, and nothing waits for ever."""

import random
import uuid
from collections import Counter, defaultdict
from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from learning import ordering
from learning.actions import priority, quality, review, summary
from learning.models import Camera, LearningSample, ReviewSlot, SlotState
from learning.models.policy import ReviewPolicy
from learning.ordering import LONGEST_WAIT, OVERDUE, RANDOM, Facts
from tests import people
from tests.factories import learning as made

POLICY = ReviewPolicy(random_share=0.0)
DAY = timedelta(days=1)


def facts(**known):
    return Facts(**{"sample_id": "s", "confidence": 0.9, "rarity": 0.0, "need": 0.0, "waited": timedelta(), **known})


@pytest.mark.parametrize(
    "urgent", [{"confidence": 0.2}, {"confidence": None}, {"rarity": 0.8}, {"need": 0.5}, {"waited": 8 * DAY}]
)
def test_what_is_uncertain_rare_old_or_of_a_neglected_city_comes_first(urgent):
    assert ordering.priority(facts(**urgent), POLICY) > ordering.priority(facts(), POLICY)
    none = ReviewPolicy(random_share=0.0, weights=dict.fromkeys(POLICY.weights, 0.0))
    assert ordering.priority(facts(**urgent), none) == 0


shares = st.floats(0, 1)
anything = st.builds(
    Facts,
    st.text("ab", max_size=9),
    st.none() | shares,
    shares,
    shares,
    st.timedeltas(timedelta(), LONGEST_WAIT - timedelta(seconds=1)),
)
weights = st.fixed_dictionaries({name: st.floats(0, 1000) for name in POLICY.weights})


@given(anything, anything, weights, shares)
def test_what_waited_too_long_outranks_everything(one, other, weights, share):
    policy = ReviewPolicy(random_share=share, weights=weights)
    late = Facts(one.sample_id, one.confidence, one.rarity, one.need, LONGEST_WAIT)
    assert ordering.priority(late, policy) == OVERDUE > ordering.priority(other, policy) >= 0


def test_the_random_share_is_drawn_of_all_alike_and_comes_before_the_rest():
    policy = ReviewPolicy(random_share=0.2)
    drawn = [ordering.priority(facts(sample_id=f"s-{n}", confidence=n % 10 / 10), policy) >= RANDOM for n in range(5_000)]
    by_confidence = Counter(n % 10 for n, first in enumerate(drawn) if first)
    assert sum(drawn) == pytest.approx(1_000, rel=0.1)
    assert min(by_confidence.values()) > 70


def test_scales_are_from_nought_to_one():
    assert ordering.rarities({"car": 100, "bus": 25, "tram": 0}) == {"car": 0.0, "bus": 0.5, "tram": 1.0}
    assert ordering.needs({1: 40, 2: 10, 3: 0}) == {1: 0.0, 2: 0.75, 3: 1.0}
    assert ordering.rarities({}) == ordering.needs({}) == {}
    assert ordering.needs({1: 0}) == {1: 0.0}


@pytest.fixture
def vehicles(db):
    return made.vehicles(review_policy={"city_labels": "review", "random_share": 0.0}, accepts_unlabelled=True)


def arrive(module, city, count, *, label="car", confidence=0.9):
    """Samples that wait for people; they have no image, for nobody looks at them here."""
    camera = Camera.objects.get_or_create(city=city, camera_id="cam-1")[0]
    first = LearningSample.objects.count()
    for number in range(first, first + count):
        name = f"{city.slug}-{number}"
        told = {"prediction": {"label": label}, "confidence": confidence, "state": "pending", "captured_at": timezone.now()}
        row = LearningSample.objects.create(
            module=module, city=city, camera=camera, sample_id=name, event_id=name, group_key=name, **told
        )
        ReviewSlot.opened(row).save()


def judge(module, by):
    lease = review.lease_next(module, by=by)
    review.decide(lease.slot, by=by, lease_token=lease.token, client_uuid=uuid.uuid4(), decision="correct")
    return lease.sample


def test_the_order_is_written_only_where_it_changed(vehicles):
    pune = made.pune()
    arrive(vehicles, pune, 3, confidence=0.9)
    arrive(vehicles, pune, 2, confidence=0.1)
    assert priority.refresh() == 5
    assert priority.refresh() == 0
    sample = judge(vehicles, people.ann())
    assert sample.confidence == 0.1
    assert sample.priority == ReviewSlot.objects.get(sample=sample).priority > 0
    ReviewSlot.objects.update(created_at=F("created_at") - LONGEST_WAIT)
    assert priority.refresh() == 4
    assert set(ReviewSlot.objects.filter(state=SlotState.OPEN).values_list("priority", flat=True)) == {OVERDUE}


def test_a_leased_slot_and_a_gold_one_stay_where_they_are(vehicles):
    arrive(vehicles, made.pune(), 3)
    leased = review.lease_next(vehicles, by=people.ann())
    gold = ReviewSlot.objects.filter(state=SlotState.OPEN).first()
    ReviewSlot.objects.filter(pk=gold.pk).update(kind="gold", priority=7)
    assert priority.refresh() == 1
    assert ReviewSlot.objects.get(pk=leased.slot).priority == 0
    assert ReviewSlot.objects.get(pk=gold.pk).priority == 7


def test_rare_classes_and_neglected_cities_are_known_from_the_counts(vehicles):
    pune, delhi = made.pune(), made.pune("city_delhi")
    ann = people.ann()
    arrive(vehicles, pune, 6)
    for _ in range(6):
        judge(vehicles, ann)
    quality.refresh()
    summary.refresh()
    arrive(vehicles, pune, 2, label="car")
    arrive(vehicles, pune, 1, label="bicycle")
    arrive(vehicles, delhi, 1, label="car")
    priority.refresh()
    order = [judge(vehicles, ann) for _ in range(4)]
    assert {(row.city_id, row.prediction["label"]) for row in order[:2]} == {(pune.pk, "bicycle"), (delhi.pk, "car")}


@pytest.mark.django_db
@pytest.mark.parametrize("age", [0.0, 1.0])
def test_waiting_is_bounded_for_every_city_and_class_though_uncertain_samples_keep_arriving(age):
    policy = {"city_labels": "review", "random_share": 0.0, "weights": {"age": age}}
    vehicles = made.vehicles(review_policy=policy, accepts_unlabelled=True)
    rng, ann = random.Random(20261121), people.ann()
    pune, delhi, agra = made.pune(), made.pune("city_delhi"), made.pune("city_agra")
    arrive(vehicles, agra, 4, label="bus", confidence=1.0)
    arrive(vehicles, delhi, 6, label="car", confidence=0.99)
    waited, per_day, days = defaultdict(timedelta), 5, 26
    for _day in range(days):
        for _ in range(per_day):
            arrive(vehicles, pune, 1, label=rng.choice(("car", "bicycle")), confidence=rng.random() / 10)
        priority.refresh()
        for _ in range(per_day):
            sample = judge(vehicles, ann)
            slot = ReviewSlot.objects.get(sample=sample)
            key = (sample.city_id, sample.prediction["label"])
            waited[key] = max(waited[key], timezone.now() - slot.created_at)
        ReviewSlot.objects.update(created_at=F("created_at") - DAY)
    backlog = 10
    bound = LONGEST_WAIT + (backlog // per_day + 2) * DAY
    assert {agra.pk, delhi.pk, pune.pk} == {city for city, _label in waited}
    assert max(waited.values()) <= bound
    left = ReviewSlot.objects.filter(state=SlotState.OPEN).order_by("created_at").first()
    assert timezone.now() - left.created_at <= bound
    longest = max(waited[agra.pk, "bus"], waited[delhi.pk, "car"])
    assert longest >= LONGEST_WAIT, "the bound was never needed"
