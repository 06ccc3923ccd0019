"""A model version on its way through two people's pages."""

import pytest
from playwright.sync_api import expect

from tests import people
from tests.factories.training_models import ModelVersionFactory
from training.models import ModelStatus

pytestmark = pytest.mark.django_db(transaction=True)


def test_one_asks_another_approves_and_releases(open_as):
    model = ModelVersionFactory(status=ModelStatus.TESTING, version="1.0.0")
    ada = open_as(people.ada(), f"/models/{model.pk}/")
    expect(ada.get_by_text("Waits for another person")).to_be_visible()
    expect(ada.get_by_role("button", name="Approve")).to_have_count(0)

    bo = open_as(people.bo(), "/")
    bo.get_by_role("link", name="Models to approve").click()
    bo.get_by_role("link", name="1.0.0").click()
    bo.get_by_label("Notes").fill("Better on 7.")
    bo.get_by_role("button", name="Approve").click()
    expect(bo.get_by_text("Approved. It can be released now.")).to_be_visible()
    bo.get_by_role("button", name="Release").click()
    expect(bo.get_by_text("Released and active.")).to_be_visible()
    model.refresh_from_db()
    assert (model.status, model.approved_by, model.is_active) == (ModelStatus.RELEASED, people.bo(), True)


def test_deprecating_waits_for_the_typed_number(open_as):
    model = ModelVersionFactory(status=ModelStatus.APPROVED, version="1.0.0")
    page = open_as(people.bo(), f"/models/{model.pk}/")
    page.get_by_role("button", name="Deprecate").click()
    dialog = page.get_by_role("dialog")
    act = dialog.get_by_role("button", name="Deprecate")
    expect(act).to_be_disabled()
    dialog.get_by_label("Why").fill("It misreads sevens.")
    dialog.get_by_label("Type 1.0.0 to confirm").fill("1.0.0")
    act.click()
    expect(page.get_by_text("Deprecated: it is offered to no edge any more.")).to_be_visible()
