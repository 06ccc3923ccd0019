"""Every page: it answers for Ada, refuses Cy, sends strangers to the log-in, and shows Olga what is hers."""

import re

import pytest
from django.conf import settings
from django.urls import reverse

from accounts.actions.event import record
from config.templatetags.portal import plainly
from learning.models import UploadBatch
from tests import people
from tests.factories.accounts import OrganizationFactory
from tests.factories.world import World, world
from tests.pages import looking, text_of

pytestmark = pytest.mark.django_db

PAGES = {
    "modules": lambda w: reverse("learning:modules"),
    "module": lambda w: reverse("learning:module", args=[w.module.slug]),
    "new module": lambda w: reverse("learning:module-new"),
    "schema": lambda w: reverse("learning:module-schema", args=[w.module.slug]),
    "policy": lambda w: reverse("learning:module-policy", args=[w.module.slug]),
    "unclear guide": lambda w: reverse("learning:module-unclear", args=[w.module.slug]),
    "batches": lambda w: reverse("learning:batches"),
    "batch": lambda w: reverse("learning:batch", args=[w.batch.pk]),
    "calendar": lambda w: reverse("learning:batch-calendar"),
    "cities": lambda w: reverse("learning:cities"),
    "city": lambda w: reverse("learning:city", args=[w.city.slug]),
    "figures": lambda w: reverse("learning:figures"),
    "selections": lambda w: reverse("learning:selections"),
    "samples": lambda w: reverse("learning:samples"),
    "sample": lambda w: reverse("learning:sample", args=[w.sample.sample_id]),
    "review": lambda w: reverse("learning:review"),
    "review of a module": lambda w: reverse("learning:review", args=[w.module.slug]),
    "own work": lambda w: reverse("learning:mine"),
    "gold": lambda w: reverse("learning:gold"),
    "quality": lambda w: reverse("learning:quality"),
    "erasures": lambda w: reverse("learning:erasures"),
    "retention": lambda w: reverse("learning:retention"),
    "datasets": lambda w: reverse("training:datasets"),
    "new dataset": lambda w: reverse("training:dataset-new"),
    "dataset": lambda w: reverse("training:dataset", args=[w.version.dataset.pk]),
    "version": lambda w: reverse("training:version", args=[w.version.pk]),
    "jobs": lambda w: reverse("training:jobs"),
    "job": lambda w: reverse("training:job", args=[w.job.pk]),
    "models": lambda w: reverse("training:models"),
    "model": lambda w: reverse("training:model", args=[w.model.pk]),
    "rollouts": lambda w: reverse("deployments:rollouts"),
    "rollout": lambda w: reverse("deployments:rollout", args=[w.rollout.pk]),
    "new rollout": lambda w: reverse("deployments:rollout-new") + f"?model={w.model.pk}",
    "edges": lambda w: reverse("deployments:edges"),
    "edge": lambda w: reverse("deployments:edge", args=[w.edge.pk]),
    "organization": lambda w: reverse("organization", args=[people.acme().slug]),
    "usage": lambda w: reverse("usage"),
    "audit": lambda w: reverse("accounts:audit"),
    "webhooks": lambda w: reverse("accounts:webhooks"),
    "users": lambda w: reverse("people:users"),
    "user": lambda w: reverse("people:user", args=[people.ann().pk]),
    "invite": lambda w: reverse("people:user-invite"),
    "system": lambda w: reverse("system"),
}
OPEN_TO_ALL = {
    "home": "/",
    "components": "/components/",
    "notifications": "/notifications/",
    "search": "/search/?q=meter",
    "account": "/accounts/",
}
STAFF_ONLY = {
    "gold",
    "quality",
    "own work",
    "policy",
    "unclear guide",
    "new module",
    "schema",
    "review",
    "review of a module",
    "erasures",
    "retention",
    "new dataset",
    "new rollout",
    "webhooks",
    "users",
    "user",
    "invite",
    "system",
}
GLOBAL_FOR_ALL = {"dataset", "version", "job", "model"}
DETAILS = {"batch", "city", "sample", "rollout", "edge", *GLOBAL_FOR_ALL}


@pytest.fixture
def hub() -> World:
    return world()


@pytest.mark.parametrize("name", [*PAGES, *OPEN_TO_ALL])
def test_a_page_answers_for_a_super_admin(name, hub):
    address = OPEN_TO_ALL.get(name) or PAGES[name](hub)
    assert looking(people.ada()).get(address).status_code == 200


@pytest.mark.parametrize("name", PAGES)
def test_a_page_refuses_a_member_without_access(name, hub):
    response = looking(people.cy()).get(PAGES[name](hub))
    assert response.status_code == 403
    assert "You may not do this: your role does not have it. Ask a super admin" in text_of(response)


@pytest.mark.parametrize("name", [*PAGES, *OPEN_TO_ALL])
def test_a_page_sends_a_stranger_to_the_log_in(name, hub, client):
    address = OPEN_TO_ALL.get(name) or PAGES[name](hub)
    response = client.get(address)
    assert response.status_code == 302
    assert response.url.startswith(reverse("account_login"))


@pytest.mark.parametrize("name", PAGES)
def test_an_organization_admin_opens_the_pages_of_the_own_organization(name):
    acme = world(people.acme())
    expected = 403 if name in STAFF_ONLY else 200
    assert looking(people.olga()).get(PAGES[name](acme)).status_code == expected


@pytest.mark.parametrize("name", sorted(DETAILS))
def test_an_organization_admin_reaches_nothing_of_another_organization(name):
    other = world(OrganizationFactory(slug="rival", name="Rival"))
    assert looking(people.olga()).get(PAGES[name](other)).status_code == 404


@pytest.mark.parametrize("name", sorted(set(PAGES) - DETAILS - STAFF_ONLY))
def test_a_list_names_nothing_of_another_organization(name):
    world(OrganizationFactory(slug="rival", name="Rival"))
    acme = world(people.acme())
    response = looking(people.olga()).get(PAGES[name](acme))
    assert "rival" not in text_of(response).lower()


@pytest.mark.parametrize("name", sorted(GLOBAL_FOR_ALL))
def test_what_is_shared_is_shown_without_people_cities_and_counts(name, hub):
    page = text_of(looking(people.olga()).get(PAGES[name](hub)))
    body = page.split("<main", 1)[1]
    assert "city_hub" not in body
    assert not re.search(r"\bAda\b|\bBo\b", body)


def test_a_professional_plan_is_told_why_there_is_nothing_to_see(hub):
    pia = looking(people.pia())
    assert "Your plan has no portal" in text_of(pia.get("/"))
    assert pia.get(reverse("training:models")).status_code == 403


@pytest.mark.parametrize("name", PAGES)
def test_a_list_in_an_empty_house_says_what_fills_it(name):
    lists = {"batches", "samples", "review", "datasets", "jobs", "models", "rollouts", "edges"}
    if name in lists:
        response = looking(people.ada()).get(PAGES[name](None))
        assert response.status_code == 200
        assert 'class="empty"' in text_of(response)


def test_an_unknown_address_is_a_page_in_our_look(client):
    response = client.get("/nowhere/")
    assert response.status_code == 404
    assert "There is nothing here" in text_of(response)


@pytest.mark.parametrize("cursor", ["x", "eyJ4IjogMX0", "WyJ4IiwgIngiXQ"])
@pytest.mark.parametrize("name", ["batches", "samples", "datasets", "jobs", "models", "rollouts", "edges"])
def test_a_cursor_we_did_not_make_is_refused(name, cursor, hub):
    response = looking(people.ada()).get(PAGES[name](hub), {"cursor": cursor})
    assert response.status_code in {200, 400}


@pytest.mark.parametrize("name", ["batches", "samples", "datasets", "jobs", "models", "rollouts", "edges"])
def test_a_filter_that_is_no_choice_does_not_narrow(name, hub):
    nonsense = dict.fromkeys(["state", "status", "module", "city", "kind", "label_status", "slots__module"], "nonsense\0")
    assert looking(people.ada()).get(PAGES[name](hub), nonsense).status_code == 200


def test_the_theme_that_was_chosen_is_written_into_the_page(client):
    client.cookies["theme"] = "dark"
    assert 'data-theme="dark"' in text_of(client.get(reverse("account_login")))
    client.cookies["theme"] = '"><script>'
    assert "data-theme=" not in text_of(client.get(reverse("account_login"))).split(">", 2)[1]


def test_no_page_holds_a_script_or_a_style_of_its_own(hub):
    ada = looking(people.ada())
    for name, address in PAGES.items():
        page = text_of(ada.get(address(hub)))
        assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)", page), name
        assert not re.search(r'\sstyle="|\son[a-z]+="|<style', page), name


def test_a_mapping_with_a_name_of_python_is_shown_like_any_other():
    """The log tells of a batch that it got so many `items`, and an edge names its labels as it likes."""
    record(people.ada(), "add_items", people.acme(), items=20, keys=3)
    page = text_of(looking(people.ada()).get(reverse("accounts:audit")))
    assert "items" in page
    assert [path for path in (settings.BASE_DIR / "templates").rglob("*.html") if ".items %}" in path.read_text()] == []


def test_what_an_event_notes_is_said_without_the_signs_of_a_program():
    assert plainly({"train": 0.8, "at_most": None, "is_own": True}) == "train 0.8, at most –, is own yes"
    assert plainly(["job.failed", "rollout.paused"]) == "job.failed, rollout.paused"
    assert plainly({}) == plainly([]) == "nothing"


def test_a_batch_on_its_way_is_not_said_to_have_been_refused(hub):
    UploadBatch.objects.create(id="batch_on_its_way", city=hub.city, day="2026-11-21", item_count=3, state="sealed")
    page = text_of(looking(people.ada()).get(reverse("learning:batch", args=["batch_on_its_way"])))
    assert "No sample yet" in page
    assert "Nothing was accepted" not in page
