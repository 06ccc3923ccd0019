"""Logged in as each of two organizations, every page and every answer of the API is searched for the other's names and ids.

Each address of the resolver is asked: with what is one's own in it, with what is the other's, and with what belongs to everybody.
"""

import logging
import re

import pytest
from django.urls import get_resolver

from accounts.actions import announcing, webhook
from accounts.actions.event import record
from accounts.models import Plan, Role
from learning.actions import quality, summary
from learning.models import Camera, LearningSample
from tests import people
from tests.factories.accounts import OrganizationFactory, UserFactory
from tests.factories.world import World, world
from tests.pages import looking
from tests.test_architecture import patterns
from training.models import ModelVersion

pytestmark = pytest.mark.django_db
NAMES = ("quokka", "numbat")
ARGUMENT = re.compile(r"\(\?P<(?P<name>\w+)>(?:[^()]|\([^()]*\))*\)|<(?:\w+:)?(?P<word>\w+)>")
SILENT = re.compile(r"^(accounts/|admin/|static|store/|live|ready|metrics|api/v1/(schema|docs))")
"""Log-in, upkeep (closed to organizations), and what names nobody."""


def named(slug: str) -> World:
    """Make a world of an organization in which everything that has a name or a text carries its own."""
    owner = OrganizationFactory(slug=slug, name=slug.title(), plan=Plan.ENTERPRISE)
    made = world(owner)
    Camera.objects.filter(city=made.city).update(camera_id=f"cam-{slug}")
    LearningSample.objects.filter(city=made.city).update(
        context_notes=f"seen by {slug}", predicted_by={"model": f"net-{slug}", "version": "1.0.0"}
    )
    ModelVersion.objects.filter(pk=made.model.pk).update(
        notes=f"notes of {slug}", description=f"for {slug}", card=f"card of {slug}"
    )
    boss = UserFactory(name=f"{slug}-admin", role=Role.ORGANIZATION_ADMIN, organization=owner)
    webhook.add(f"hook of {slug}", url=f"https://{slug}.example/", topics=["job.failed"], by=people.ada(), organization=owner)
    record(boss, "look", made.city, note=slug)
    record(None, "end", made.job, status="failed")
    return made


@pytest.fixture
def two() -> dict[str, World]:
    """Make both, then what belongs to everybody and was made of samples of both."""
    made = {slug: named(slug) for slug in NAMES}
    made["all"] = world()
    announcing.announce()
    summary.refresh()
    quality.refresh()
    return made


def addresses(made: World) -> dict[str, str]:
    """Answer which word before an argument leads to which key of a world."""
    dataset = made.version.dataset
    return {
        "modules": made.module.slug,
        "gate": made.module.slug,
        "gates": made.module.slug,
        "review": made.module.slug,
        "retention": made.module.slug,
        "batches": made.batch.pk,
        "cities": made.city.slug,
        "samples": made.sample.sample_id,
        "lineage": made.sample.sample_id,
        "objects": str(made.sample.object_id and made.sample.object.pk),
        "datasets": str(dataset.pk),
        "versions": str(made.version.pk),
        "jobs": str(made.job.pk),
        "models": str(made.model.pk),
        "rollouts": str(made.rollout.pk),
        "edges": str(made.edge.pk),
        "deployments": str(made.rollout.deployments.first().pk),
        "organization": made.city.organization.slug if made.city.organization else "hub",
        "number": made.version.version,
        "name": "x",
    }


def filled(path: str, known: dict[str, str]) -> str:
    """Fill an address in: each argument by the word before it, or by its own name; what nothing is known of by 1."""

    def value(match: re.Match[str]) -> str:
        word = path[: match.start()].rstrip("/").split("/")[-1].lstrip("^")
        own = match["name"] or match["word"]
        return known.get(own) if own == "number" else known.get(word, known.get(own, "1"))

    return "/" + re.sub(r"[\^$]|/\?|\\Z", "", ARGUMENT.sub(value, path))


def keys(made: World) -> set[str]:
    """Answer what names things of a world by id: whoever knows it knows that the thing is there."""
    rows = (made.version.dataset, made.version, made.job, made.model, made.rollout, made.sample)
    return {str(row.pk) for row in rows if len(str(row.pk)) > 20} | {made.sample.sample_id}


def body_of(response) -> str:
    content = b"".join(response.streaming_content) if response.streaming else response.content
    return content.decode(errors="replace")


@pytest.mark.parametrize(("own", "other"), [NAMES, NAMES[::-1]])
def test_an_organization_finds_no_name_of_another_anywhere(own, other, two, caplog):
    caplog.set_level(logging.CRITICAL)  # of a thousand requests, most of which are refused
    boss = looking(UserFactory(name=f"{own}-admin"))
    paths = [path for path in patterns(get_resolver()) if not SILENT.match(path)]
    assert len(paths) > 250
    found, leaks, seen = 0, [], {own: 0, other: 0, "all": 0}
    for path in paths:
        shared = ("all",) if own == NAMES[0] else ()  # what is everybody's looks the same to both
        asked = (own, other, *shared) if ARGUMENT.search(path) else (own,)
        for whose in asked:
            address = filled(path, addresses(two[whose]))
            response = boss.get(address)
            assert response.status_code < 500, address
            text = body_of(response)
            found += own in text.lower()
            seen[whose] += response.status_code == 200
            told = text.replace(address, "") if whose == other else text
            if other in told.lower() or any(key in told for key in keys(two[other])):
                leaks.append(f"{address} ({response.status_code})")
            if whose == other and own == NAMES[0]:  # once is enough to see who refuses
                refused = boss.post(address, {}, content_type="application/json")
                assert refused.status_code < 500, (address, refused.status_code)
                if other in body_of(refused).replace(address, "").lower():
                    leaks.append(f"POST {address} ({refused.status_code})")
    assert not leaks, "\n".join(leaks)
    assert found > 40, "what is one's own is there, so that the search is able to find"
    assert seen[own] > 60


def test_the_search_would_find_a_leak(two):
    ada = looking(people.ada())
    assert "numbat" in body_of(ada.get("/cities/"))
    assert "quokka" in body_of(ada.get("/cities/"))
