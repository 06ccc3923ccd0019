"""What two people say of the same samples, and modules in which people agree less than they did."""

from datetime import date, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from sklearn.metrics import cohen_kappa_score

from learning import quality_figures, quality_pairs
from learning.actions import quality
from learning.models import QualityCount, QualityStretch
from tests import people
from tests.factories import training as rooms
from tests.factories.judged import said_of
from tests.factories.learning import vehicles
from tests.pages import looking, text_of

pytestmark = pytest.mark.django_db

FRIDAY = date(2026, 11, 20)
MONDAY = date(2026, 11, 16)
WEEK = timedelta(weeks=1)


def judged_by_three():
    """Ann and Al judge forty digits, Bo the first twenty of them; who is wrong says a digit that is seven further."""
    samples = rooms.samples(people.ada(), 40)
    digits = samples[0].module
    for number, sample in enumerate(samples):
        sample.prediction = sample.truth
        sample.save()
        said_of(sample, people.ann(), days=1, is_wrong=number % 10 == 0, seconds=2.0)
        said_of(sample, people.al(), days=1, is_wrong=number % 4 == 0, seconds=2.0)
        if number < 20:
            said_of(sample, people.bo(), days=1, is_wrong=False, seconds=2.0)
    quality.refresh()
    return digits, samples


def test_two_people_with_enough_in_common_have_a_kappa_and_others_none():
    digits, samples = judged_by_three()
    rows = quality_figures.counts(digits, date(2020, 1, 1), date(2100, 1, 1))
    (pair,) = quality_pairs.pair_agreements(rows)
    truths = [int(sample.truth["label"]) for sample in samples]
    said = [[(truth + 7) % 10 if number % often == 0 else truth for number, truth in enumerate(truths)] for often in (10, 4)]
    assert {pair.one, pair.other} == {people.ann().pk, people.al().pk}
    assert (pair.alike.hits, pair.alike.n) == (sum(one == other for one, other in zip(*said, strict=True)), 40)
    assert pair.kappa == pytest.approx(cohen_kappa_score(*said))
    assert pair.low < pair.kappa < pair.high <= 1


def test_the_page_and_its_csv_name_the_two_people():
    digits, _samples = judged_by_three()
    rhea = looking(people.rhea())
    page = text_of(rhea.get(reverse("learning:quality"), {"module": digits.slug}))
    assert "Agreement of two people" in page
    assert "n 40" in page
    table = b"".join(rhea.get(reverse("learning:quality-csv", args=["pairs"]), {"module": digits.slug}).streaming_content)
    assert len(table.decode().split()) == 2
    assert "Ann" in table.decode()


def counted(module, week: date, hits: int, n: int) -> None:
    """Write down that so many of n pairs agreed in a week; each is counted from the side of either person."""
    stretch, _ = QualityStretch.objects.get_or_create(number=0)
    facts = {"stretch": stretch, "module": module, "week": week, "measure": "pair", "judges": 2, "said": "car", "meant": "car"}
    for one, other in ((people.ann(), people.al()), (people.al(), people.ann())):
        QualityCount.objects.create(person=one, other=other, n=n, hits=hits, **facts)


def weeks(module, now: tuple[int, int], *before: tuple[int, int], monday: date = MONDAY) -> None:
    for back, (hits, n) in enumerate([now, *before]):
        counted(module, monday - back * WEEK, hits, n)


@pytest.mark.parametrize(
    ("now", "before", "falls"),
    [
        ((30, 50), [(90, 100)] * 4, True),
        ((45, 50), [(90, 100)] * 4, False),
        ((41, 50), [(90, 100)] * 4, False),  # within what chance alone does
        ((3, 10), [(90, 100)] * 4, False),  # too few to say
        ((30, 50), [(5, 5)], False),  # nothing to be held against
        ((30, 50), [(20, 40), (100, 100), (100, 100), (100, 100)], True),
    ],
)
def test_agreement_falls_where_a_weeks_interval_lies_below_the_four_before(now, before, falls):
    module = vehicles()
    weeks(module, now, *before)
    found = quality_pairs.falling([module], FRIDAY)
    assert [row.module for row in found] == ([module] if falls else [])


def test_at_the_beginning_of_a_week_it_is_the_last_one_that_counts():
    module = vehicles()
    weeks(module, (30, 50), *[(90, 100)] * 4, monday=MONDAY - WEEK)
    (row,) = quality_pairs.falling([module], MONDAY)
    assert (row.week, row.now.n, row.before.n) == (MONDAY - WEEK, 50, 400)


def test_the_home_of_a_reviewer_names_the_module_that_falls_most():
    quiet = text_of(looking(people.rhea()).get("/"))
    assert "Comes when people agree clearly less" in quiet
    here, there = vehicles(name="Vehicles"), vehicles(slug="signs", name="Signs")
    today = timezone.now().date()
    monday = today - timedelta(days=today.weekday())
    weeks(here, (35, 50), *[(90, 100)] * 4, monday=monday)
    weeks(there, (20, 50), *[(90, 100)] * 4, monday=monday)
    page = text_of(looking(people.rhea()).get("/"))
    assert f'href="{reverse("learning:quality")}?module=signs"' in page
    assert f"Signs: 40% in the week of {monday}, 90% before" in page
    assert "Agreement falls" not in text_of(looking(people.ann()).get("/"))
