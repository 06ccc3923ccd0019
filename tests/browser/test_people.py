"""Pages of examples, people and collections in Chromium: in light, dark and on a phone, and a collection followed to its end."""

import pytest
from playwright.sync_api import expect

from learning.actions import collecting
from learning.actions import example as examples
from learning.actions.example_writing import Facts
from learning.models import CollectionSession, Image
from tests import people
from tests.browser.test_gallery import AXE, NOWHERE, looked_at
from tests.factories.learning import gestures, npz
from tests.factories.people import faces_module, somebody
from tests.learning.recorded_web import recorded_web, served_by

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is missing: install npm and run `make vendor`")
def test_pages_fit_follow_the_theme_and_are_open_to_all(open_as, folder):
    novak = somebody(images_of=2, status="in_training")
    Image.objects.filter(filename="0.jpg").update(
        is_validated=False, validation_error="No face was found.", licence="CC BY 4.0"
    )
    session = CollectionSession.objects.create(
        domain="serbia", module=faces_module(), occupation="tennis player", plan={"names": [], "images_per_person": 40}
    )
    examples.add(npz(), by=None, module=gestures(), facts=Facts("u-1", "wave", label_status="confirmed"))
    page = open_as(people.ada(), "/people/")
    addresses = ["/people/", f"/people/{novak.pk}/", "/people/figures/", "/collections/", f"/collections/{session.session_id}/"]
    wrong = []
    for address in [*addresses, "/collections/new/", "/examples/", "/examples/of/u-1"]:
        page.goto(address)
        wrong += looked_at(page, address.strip("/").replace("/", "-"), folder, NOWHERE)
    assert not wrong, "\n".join(wrong)


def test_a_collection_is_begun_and_followed_to_its_end(open_as, settings):
    faces_module()
    with recorded_web() as web:
        settings.COLLECTORS = served_by(web, settings.COLLECTORS)
        page = open_as(people.ada(), "/collections/new/")
        page.get_by_label("Domain").fill("serbia")
        page.get_by_label("Or names").fill("Q5812\nNobody Atall")
        page.get_by_role("button", name="Begin").click()
        expect(page.get_by_text("Finding out who is meant.")).to_be_visible()
        collecting.run(CollectionSession.objects.get().pk)
        expect(page.get_by_text("2 of 2 people, 4 images")).to_be_visible()
        expect(page.get_by_text("Not known: Nobody Atall.")).to_be_visible()
    page.get_by_role("link", name="Novak Djokovic").click()
    expect(page.get_by_text("Too few images (4), minimum is 5")).to_be_visible()
    page.get_by_role("button", name="Note consent").click()
    expect(page.get_by_text("Consent was noted.")).to_be_visible()
    page.get_by_role("button", name="Withdraw consent").click()
    page.get_by_role("dialog").get_by_role("button", name="Withdraw consent").click()
    expect(page.get_by_text("Consent was withdrawn")).to_be_visible()
