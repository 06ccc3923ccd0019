"""A model that was trained elsewhere goes into the registry through its page: what is wrong is said there, then the file is sent."""

import json

import pytest
from playwright.sync_api import expect

from learning.actions import module as module_verbs
from tests import people
from tests.edge import bundles
from training.actions import registration
from training.models import ModelRegistration, ModelVersion

pytestmark = pytest.mark.django_db(transaction=True)
OFFERED = "JSON.parse(document.querySelector('[name=config]').value).labels"


@pytest.mark.usefixtures("_store_knows_the_portal")
def test_a_model_made_elsewhere_is_registered_through_its_page(open_as):
    ada = people.ada()
    for slug, labels in (("letters", ["a", "b", "c"]), ("shades", ["dark", "light"])):
        module_verbs.add(slug, by=ada, name=slug.title(), task="classification", labels=labels)
    page = open_as(ada, "/models/register/", forgives=422)
    assert page.evaluate(OFFERED) == ["a", "b", "c"]
    page.get_by_label("Module").select_option("shades")
    assert page.evaluate(OFFERED) == ["dark", "light"]  # an example follows the module until somebody writes another

    page.get_by_label("File", exact=True).set_input_files(
        {"name": "shades.onnx", "mimeType": "", "buffer": bundles.onnx_model()}
    )
    page.get_by_label("Name", exact=True).fill("Shades of a vendor")
    page.get_by_label("Where it is from").fill("https://models.example/shades")
    page.get_by_label("Licence").fill("CC BY 4.0")
    page.get_by_label("Version").fill("the second")
    config = page.get_by_label("How an ONNX file is used")
    problem, send = page.get_by_role("alert"), page.get_by_role("button", name="Register")
    config.fill("none")
    send.click()
    expect(problem).to_have_text("How an ONNX file is used must be JSON.")
    config.fill(json.dumps({"preprocessing": bundles.STEPS}))
    send.click()
    expect(problem).to_contain_text("A version is three numbers")
    assert not ModelRegistration.objects.exists()
    page.get_by_label("Version").fill("2.0.0")
    send.click()

    page.wait_for_url("**/models/register/*-*/")
    page.get_by_text("A worker looks at the file").wait_for()
    made = registration.check(ModelRegistration.objects.get().pk)
    page.get_by_role("link", name="See version 2.0.0").click()  # the page learned of it by itself
    expect(page.get_by_role("heading", name="Shades 2.0.0")).to_be_visible()
    assert ModelVersion.objects.get() == made
