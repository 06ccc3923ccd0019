"""The pages of gold and quality: figures that lead to samples, pauses with reasons, CSV; for reviewers alone."""

import csv
import io
import re

import pytest
from django.urls import reverse

from learning.actions import gold, pause, quality
from learning.models import AnnotatorPause, GoldAnswer, LearningSample
from tests import people
from tests.factories import learning as made
from tests.factories.accounts import UserFactory
from tests.factories.judged import judged_module, work
from tests.pages import looking, said, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def judged():
    """A module of which much was judged, some of it gold, and counted."""
    return judged_module()


def table(response):
    return list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))


def test_every_number_of_the_quality_page_leads_to_its_samples(judged):
    rhea = looking(people.rhea())
    page = text_of(rhea.get(reverse("learning:quality")))
    links = {link.replace("&amp;", "&") for link in re.findall(r'href="(/samples/\?[^"]+)"', page)}
    assert len(links) > 8
    for link in sorted(links):
        answer = rhea.get(link)
        assert answer.status_code == 200, link
        assert "it makes no sense" not in text_of(answer), link
        assert 'class="thumb"' in text_of(answer), link


def test_figures_stand_with_their_number_and_interval(judged):
    page = text_of(looking(people.rhea()).get(reverse("learning:quality")))
    assert "95 % interval" in page
    assert "Too few to say" in page
    for name in ("Ann", "Al", "Krippendorff", "Classes: predicted and true", "vehicles"):
        assert name in page


def test_the_tables_come_as_csv(judged):
    rhea = looking(people.rhea())
    rows = {
        name: table(rhea.get(reverse("learning:quality-csv", args=[name]))) for name in ("people", "agreement", "confusion")
    }
    ann = next(row for row in rows["people"] if row["person"] == "Ann")
    assert int(ann["judged"]) > 0
    assert 0 <= float(ann["right_low"]) <= float(ann["right_high"]) <= 1
    assert {row["cut"] for row in rows["agreement"]} == {"all", "city", "class", "week"}
    assert any(row["said"] != row["meant"] for row in rows["confusion"])
    corrected = table(rhea.get(reverse("learning:quality-csv", args=["corrections"])))
    assert {row["version"] for row in corrected} == {"1.0.0"}
    assert rhea.get(reverse("learning:quality-csv", args=["nothing"])).status_code == 404


def test_an_empty_quality_page_says_what_fills_it():
    rhea = looking(people.rhea())
    assert "No module yet" in text_of(rhea.get(reverse("learning:quality")))
    assert "No module yet" in text_of(rhea.get(reverse("learning:gold")))
    made.vehicles()
    assert "Nobody judged in these weeks" in text_of(rhea.get(reverse("learning:quality")))
    assert "No gold here yet" in text_of(rhea.get(reverse("learning:gold")))


def test_a_reviewer_pauses_somebody_with_a_reason_and_lets_them_on(judged):
    rhea, ann = people.rhea(), people.ann()
    there = reverse("learning:pause-person", args=[judged.slug, ann.pk])
    refused = looking(rhea).post(there, {"reason": " "}, follow=True)
    assert said(refused)[0].startswith("Say why")
    done = looking(rhea).post(there, {"reason": "Let us look at the guide."}, follow=True)
    assert said(done) == ["Ann is paused in Vehicles."]
    assert "Let us look at the guide." in text_of(done)
    row = AnnotatorPause.objects.get()
    lifted = looking(rhea).post(reverse("learning:pause-lift", args=[row.pk]), {"reason": "We did."}, follow=True)
    assert said(lifted) == ["Ann may go on; the score begins anew."]
    assert "Earlier pauses" in text_of(lifted)


def test_gold_is_promoted_and_retired_on_its_page(judged):
    rhea = looking(people.rhea())
    page = text_of(rhea.get(reverse("learning:gold")))
    offered = re.search(r'name="sample" value="([^"]+)"', page)
    assert offered
    done = rhea.post(reverse("learning:gold-promote"), {"sample": offered[1]}, follow=True)
    answer = GoldAnswer.objects.latest("pk")
    assert answer.sample.sample_id == offered[1]
    assert said(done)[0].startswith("It is gold now")
    done = rhea.post(reverse("learning:gold-retire", args=[answer.pk]), {"reason": "Blurred."}, follow=True)
    assert said(done) == ["It is retired; from now on it may be trained on."]
    retired = text_of(rhea.get(reverse("learning:gold"), {"state": "retired"}))
    assert "Blurred." in retired
    pending = LearningSample.objects.filter(state="pending").first()
    refused = rhea.post(reverse("learning:gold-promote"), {"sample": pending.sample_id}, follow=True)
    assert "not settled" in said(refused)[0]


def test_coverage_names_every_class_of_the_schema(judged):
    page = text_of(looking(people.rhea()).get(reverse("learning:gold")))
    coverage = page.split("Coverage", 1)[1].split("Gold samples")[0]
    assert [label for label in made.LABELS if f'<th scope="row">{label}</th>' in coverage] == list(made.LABELS)
    assert "Fewer than 5" in coverage


@pytest.mark.parametrize("name", ["quality", "gold"])
@pytest.mark.parametrize("who", [people.ann, people.olga])
def test_nobody_but_reviewers_sees_how_others_judge(name, who, judged):
    assert looking(who()).get(reverse(f"learning:{name}")).status_code == 403


@pytest.mark.parametrize(
    ("name", "args"), [("gold-promote", []), ("gold-retire", [1]), ("pause-person", ["vehicles", 1]), ("pause-lift", [1])]
)
def test_nobody_but_reviewers_acts_there(name, args, judged):
    assert looking(people.ann()).post(reverse(f"learning:{name}", args=args), {"reason": "x"}).status_code == 403
    assert looking(people.ann()).post(reverse("learning:quality-rebuild")).status_code == 403


def test_a_reviewer_has_everything_counted_again(judged):
    done = looking(people.rhea()).post(reverse("learning:quality-rebuild"), follow=True)
    assert said(done)[0].startswith("All is being counted again")


@pytest.mark.parametrize(("name", "queries"), [("quality", 20), ("gold", 11)])
def test_a_page_costs_the_same_however_many_there_are(name, queries, judged, django_assert_num_queries):
    rhea = looking(people.rhea())
    rhea.get("/")
    with django_assert_num_queries(queries):
        rhea.get(reverse(f"learning:{name}"))
    made.delivered(made.pune("city_agra"), 4, label_status=None, first=100)
    for who in (people.bo(), UserFactory(name="Abe", role="annotator"), UserFactory(name="Ben", role="annotator")):
        work(judged, who, 4, seconds=1.0)
    for sample in LearningSample.objects.filter(state="settled", is_gold=False)[:3]:
        gold.promote(sample, by=people.rhea())
    quality.refresh()
    with django_assert_num_queries(queries):
        rhea.get(reverse(f"learning:{name}"))


def test_the_home_of_a_reviewer_counts_who_is_paused(judged):
    rhea = people.rhea()
    pause.pause(judged, people.ann(), by=rhea, why="Too fast.")
    page = text_of(looking(rhea).get("/"))
    assert "Paused people" in page
    assert gold.score(judged.pk, people.ann().pk).n >= 0
    assert quality.refresh() >= 0
