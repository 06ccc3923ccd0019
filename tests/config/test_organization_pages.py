"""An organization's own dashboard, and what is used of each plan."""

import pytest
from django.urls import reverse

from core.errors import Refused
from deployments.models import EdgeSlot
from learning.models import DailyCount, QualityCount, QualityStretch, Stretch
from learning.models.summary import Source
from tests import people
from tests.factories.accounts import OrganizationFactory
from tests.factories.world import world
from tests.pages import looking, text_of
from training import plan, usage
from training.models import TrainingJob

pytestmark = pytest.mark.django_db


def test_an_organization_admin_finds_all_that_is_theirs_in_at_most_twenty_questions(django_assert_max_num_queries):
    made, other = world(people.acme()), world(OrganizationFactory(slug="rival"))
    olga = looking(people.olga())
    with django_assert_max_num_queries(20):
        response = olga.get(reverse("organization"))
    page = text_of(response)
    for name in (made.city.name, made.edge.name, made.version.dataset.name, made.job.name):
        assert name in page
    for name in (other.city.slug, other.edge.name, other.version.dataset.name, other.job.name, "rival"):
        assert name not in page
    assert olga.get(reverse("organization", args=["rival"])).status_code == 404


def test_an_edge_that_runs_what_no_deployment_brought_is_shown_all_the_same():
    made = world(people.acme())
    EdgeSlot.objects.filter(edge_server=made.edge).update(active_version=made.model.version, desired_deployment=None)
    page = text_of(looking(people.olga()).get(reverse("organization")))
    assert made.edge.name in page


def test_it_says_why_how_many_were_rejected_and_how_often_models_are_corrected():
    made = world(people.acme())
    day = made.batch.day
    stretch = Stretch.objects.create(source=Source.REJECTIONS, number=0)
    facts = {"stretch": stretch, "city": made.city, "module": made.module, "day": day}
    DailyCount.objects.create(**facts, measure="rejected", reason="not_an_image", n=7)
    counted = {"stretch": QualityStretch.objects.create(number=0), "module": made.module, "city": made.city}
    week = day.fromisocalendar(*day.isocalendar()[:2], 1)
    QualityCount.objects.create(**counted, week=week, measure="corrected", model="plates", version="1.2.0", n=40, hits=10)
    page = text_of(looking(people.olga()).get(reverse("organization")))
    assert "not an image" in page
    assert "1.2.0" in page
    assert "25 %" in page


def test_usage_says_what_the_refusal_would_say():
    acme = people.acme()
    made = world(acme)
    [jobs, *_] = usage.uses_of([acme])[acme.pk]
    assert (jobs.used, jobs.limit, jobs.is_full) == (1, 10, False)
    for number in range(9):
        TrainingJob.objects.create(
            name=f"job {number}",
            organization=acme,
            module=made.module,
            dataset=made.version.dataset,
            dataset_version=made.version,
            trainer="mlp_classifier",
            created_by=people.ada(),
        )
    [jobs, *_] = usage.uses_of([acme])[acme.pk]
    assert jobs.is_full
    with pytest.raises(Refused) as refused:
        plan.spend_job(acme)
    assert jobs.refusal == refused.value.detail
    page = text_of(looking(people.ada()).get(reverse("usage")))
    assert refused.value.detail in page
    assert "Dashboard of Acme" in page


def test_months_are_counted_back_from_this_one():
    acme = people.acme()
    world(acme)
    months = usage.jobs_by_month([acme])
    assert (len(months), months[-1][1], sum(number for _, number in months)) == (12, 1, 1)


def test_on_professional_there_is_no_dashboard_and_the_home_page_says_why():
    pia = looking(people.pia())
    assert pia.get(reverse("organization")).status_code == 403
    assert "Your plan has no portal" in text_of(pia.get("/"))


def test_hub_staff_name_whose_dashboard_they_want():
    assert looking(people.ada()).get(reverse("organization")).status_code == 404
