"""Pages of modules: made empty, copied and from a file; a schema edited, previewed and saved; nothing without permission."""

import html
import io
import json
import re

import pytest
from django.urls import reverse

from learning.actions import label_schema
from learning.models import AiModule, LabelSchema
from tests import people
from tests.factories.learning import delivered, pune, vehicles
from tests.pages import looking, said, text_of

pytestmark = pytest.mark.django_db

COCO = {"categories": [{"id": 0, "name": "car", "color": [255, 0, 0]}, {"id": 1, "name": "Bus", "keypoints": ["x"]}]}


def at(name: str, *args: str) -> str:
    return reverse(f"learning:{name}", args=args)


def fields_of(response) -> dict[str, str]:
    """Answer what the page's form of the schema would send, as a browser reads it."""
    form = text_of(response).split("data-schema-editor", 1)[1].split("<template", 1)
    page = form[0] + "".join(part.split("</template>", 1)[1] for part in text_of(response).split("<template")[1:])
    sent = {}
    for tag in re.findall(r"<input[^>]*>", page):
        found = dict(re.findall(r'(\w[\w-]*)="([^"]*)"', tag))
        is_box = found.get("type") == "checkbox"
        if "name" in found and (not is_box or " checked" in tag):
            sent[found["name"]] = html.unescape(found.get("value", "on" if is_box else ""))
    for name, text in re.findall(r'<textarea name="([^"]+)"[^>]*>([^<]*)</textarea>', page):
        sent[name] = html.unescape(text).lstrip("\r\n")
    for name, options in re.findall(r'<select name="([^"]+)"[^>]*>(.*?)</select>', page, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', options) or re.search(r'value="([^"]*)"', options)
        sent[name] = chosen.group(1)
    return sent


def saved(person, slug, **changes):
    address = at("module-schema", slug)
    return looking(person).post(address, {**fields_of(looking(person).get(address)), "act": "save", **changes}, follow=True)


def new(**fields):
    return {"name": "Trams", "slug": "trams", "task": "detection", "begin": "empty", **fields}


def upload(value, name="export.json") -> io.BytesIO:
    content = io.BytesIO(value if isinstance(value, bytes) else json.dumps(value).encode())
    content.name = name
    return content


def test_the_list_says_what_to_do_while_there_is_none():
    page = text_of(looking(people.ada()).get(at("modules")))
    assert "No module yet" in page
    assert at("module-new") in page
    assert at("module-new") not in text_of(looking(people.rhea()).get(at("modules")))


def test_a_module_is_shown_with_labels_keys_and_history():
    made = vehicles(reasons=["too_dark"], guide="Look at the wheels.", text={"max_length": 9})
    label_schema.revise(made, by=people.ada(), based_on=1, labels=["car", "bus", "bicycle", "tram"], note="Trams came.")
    page = text_of(looking(people.rhea()).get(at("module", "vehicles")))
    for words in ("Vehicles", "tram", "Look at the wheels.", "too dark", "Trams came.", "can be chosen from now on", "Ada"):
        assert words in page
    assert "Save" not in page.split("<main", 1)[1]
    assert "Ada" not in text_of(looking(people.olga()).get(at("module", "vehicles")))
    assert "revision 2" in text_of(looking(people.ada()).get(at("module", "vehicles")))


@pytest.mark.parametrize("person", [people.rhea, people.olga])
@pytest.mark.parametrize("page", ["module-new", "module-schema"])
def test_only_admins_make_and_revise(person, page):
    vehicles()
    address = at(page, *([] if page == "module-new" else ["vehicles"]))
    assert looking(person()).get(address).status_code == 403
    assert looking(person()).post(address, new()).status_code == 403
    assert looking(person()).post(at("module-revise", "vehicles"), {"name": "x"}).status_code == 403
    assert AiModule.objects.get().name == "Vehicles"


def test_an_empty_module_leads_on_to_its_schema():
    response = looking(people.ada()).post(at("module-new"), new())
    assert response.url == at("module-schema", "trams")
    assert AiModule.objects.get().task == "detection"
    again = looking(people.ada()).post(at("module-new"), new())
    assert "There is a module trams already." in html.unescape(text_of(again))


def test_a_copy_begins_with_the_labels_in_use_and_no_past():
    made = vehicles(reasons=["dark"], guide="Wheels.")
    label_schema.revise(
        made, by=people.ada(), based_on=1, labels=[{"id": 1, "name": "auto"}, {"id": 2, "name": "bus", "retired": True}]
    )
    response = looking(people.ada()).post(at("module-new"), new(begin="copy", source="vehicles", task="classification"))
    assert response.url == at("module", "trams")
    schema = AiModule.objects.get(slug="trams").schema
    assert (schema.names, schema.labels[0]["id"], schema.reasons, schema.guide) == (["auto"], 1, ["dark"], "Wheels.")
    assert "formerly" not in schema.labels[0]


def test_a_file_is_shown_as_it_was_read_and_one_press_makes_the_module():
    ada = looking(people.ada())
    response = ada.post(at("module-new"), new(begin="file", file=upload(COCO)))
    page = text_of(response)
    assert "Read from COCO" in page
    assert "Key points are left out" in page
    assert "#ff0000" in page
    assert not AiModule.objects.exists()
    draft = html.unescape(re.search(r'name="draft" value="([^"]*)"', page).group(1))
    assert ada.post(at("module-new"), new(begin="file", draft=draft)).url == at("module", "trams")
    schema = AiModule.objects.get(slug="trams").schema
    assert [(label["name"], label["color"]) for label in schema.labels] == [("car", "#ff0000"), ("Bus", "#d1603b")]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"begin": "file"}, "Choose the file."),
        ({"begin": "copy"}, "Choose the module whose schema is copied."),
        ({"slug": "Big Letters"}, "A slug begins with a small letter"),
        ({"slug": "new"}, "new is taken"),
        ({"task": "features"}, "names their encoding"),
        ({"begin": "file", "draft": '{"labels": [{"name": "a", "color": "red; x"}]}'}, "is written like #3b76d1"),
        ({"begin": "file", "draft": "nonsense"}, ""),
    ],
)
def test_what_cannot_be_made_is_said_in_the_form(fields, sentence):
    response = looking(people.ada()).post(at("module-new"), new(**fields))
    if sentence:
        assert sentence in html.unescape(text_of(response))
        assert not AiModule.objects.exists()
    else:
        assert AiModule.objects.get().schema.labels == []


def test_a_file_that_is_no_schema_is_refused_in_a_sentence():
    response = looking(people.ada()).post(at("module-new"), new(begin="file", file=upload(b"{", "a.json")))
    assert "no JSON that can be read" in text_of(response)


def test_settings_are_changed():
    vehicles()
    response = looking(people.ada()).post(
        at("module-revise", "vehicles"), {"name": "Cars", "accepts_unlabelled": "on", "min_quality": "0.25"}, follow=True
    )
    assert said(response) == ["The module was changed."]
    changed = AiModule.objects.get()
    assert (changed.name, changed.accepts_unlabelled, changed.min_quality) == ("Cars", True, 0.25)
    wrong = looking(people.ada()).post(at("module-revise", "vehicles"), {"name": "Cars", "min_quality": "7"})
    assert "less than or equal to 1" in text_of(wrong)


def test_saving_what_was_opened_changes_nothing():
    vehicles(
        attributes=[{"name": "make", "type": "select", "values": ["kia", "fiat"], "required": True, "per": "box"}],
        reasons=["dark", "wet"],
        text={"pattern": "[A-Z]{1,3}", "max_length": 3, "normalise": "plate", "unreadable": "?"},
        guide="Two\nlines.",
    )
    response = saved(people.ada(), "vehicles")
    assert said(response) == ["Nothing differs from the newest revision."]
    assert LabelSchema.objects.count() == 1


def test_a_schema_is_edited_and_saved():
    vehicles()
    response = saved(
        people.ada(),
        "vehicles",
        **{
            "labels-0-name": "automobile",
            "labels-1-retired": "on",
            "labels-2-DELETE": "on",
            "labels-3-name": "tram",
            "labels-3-shortcut": "t",
        },
        **{"labels-3-ORDER": "1", "labels-0-ORDER": "2", "reasons": "dark\r\n\r\nwet\n", "note": "Trams"},
        **{"attributes-0-name": "make", "attributes-0-values": "kia\nfiat"},
    )
    assert said(response) == ["Revision 2 is saved."]
    schema = AiModule.objects.get().schema
    assert [(label["name"], label["shortcut"], label.get("retired", False)) for label in schema.labels] == [
        ("tram", "t", False),
        ("automobile", "1", False),
        ("bus", "2", True),
    ]
    assert schema.reasons == ["dark", "wet"]
    assert schema.attributes == [
        {"id": 1, "name": "make", "type": "select", "values": ["kia", "fiat"], "required": False, "per": "sample"}
    ]


def test_a_preview_says_what_would_change_and_saves_nothing():
    city = pune()
    vehicles()
    delivered(city, 2)
    ada = looking(people.ada())
    sent = {**fields_of(ada.get(at("module-schema", "vehicles"))), "labels-0-name": "automobile", "labels-3-name": "tram"}
    part = text_of(ada.post(at("module-schema", "vehicles"), sent, headers={"HX-Request": "true"}))
    assert "<html" not in part
    assert "was called car" in part
    assert "2 of the newest 10,000 settled samples say it." in part
    assert "<span>tram</span>" in part
    clash = text_of(
        ada.post(at("module-schema", "vehicles"), {**sent, "labels-3-shortcut": "n"}, headers={"HX-Request": "true"})
    )
    assert "The key N means Nothing" in clash
    assert LabelSchema.objects.count() == 1


def test_what_cannot_be_saved_is_said_and_nothing_typed_is_lost():
    city = pune()
    made = vehicles()
    delivered(city, 1)
    response = saved(people.ada(), "vehicles", **{"labels-0-DELETE": "on", "labels-3-name": "tram <b>"})
    page = html.unescape(text_of(response))
    assert "car was used: retire it" in page
    assert 'value="tram <b>"' in page
    assert made.schema.revision == 1
    slow = html.unescape(text_of(saved(people.ada(), "vehicles", pattern="(a+)+")))
    assert "may take for ever" in slow


def test_a_revision_that_came_between_is_told():
    made = vehicles()
    ada = looking(people.ada())
    sent = fields_of(ada.get(at("module-schema", "vehicles")))
    label_schema.revise(made, by=people.bo(), based_on=1, guide="Wheels.")
    response = ada.post(at("module-schema", "vehicles"), {**sent, "labels-3-name": "tram", "act": "save"})
    assert "Revision 2 of this schema was saved meanwhile" in text_of(response)
    assert made.schema.revision == 2


def test_example_pictures_are_shown_to_who_may_see_images():
    city = pune()
    made = vehicles()
    [sample] = delivered(city, 1)
    response = saved(people.ada(), "vehicles", **{"labels-0-examples": "no-such-sample"})
    assert "There is no sample no-such-sample" in text_of(response)
    saved(people.ada(), "vehicles", **{"labels-0-examples": sample.sample_id, "labels-0-guide": "Four wheels."})
    assert made.schema.labels[0]["examples"] == [sample.sample_id]
    assert "An example of car" in text_of(looking(people.rhea()).get(at("module", "vehicles")))
    assert "An example of car" not in text_of(looking(people.olga()).get(at("module", "vehicles")))


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"based_on": "x"},
        {"labels-TOTAL_FORMS": "99999", "labels-INITIAL_FORMS": "0"},
        {"based_on": "1", "labels-0-id": "-3"},
    ],
)
def test_a_broken_form_is_answered_with_the_form(sent):
    vehicles()
    response = looking(people.ada()).post(at("module-schema", "vehicles"), {**sent, "act": "save"})
    assert response.status_code == 200
    assert LabelSchema.objects.count() == 1


def test_a_schema_of_a_thousand_labels_can_be_sent():
    vehicles(labels=[f"person {number}" for number in range(1_000)])
    response = saved(people.ada(), "vehicles", **{"labels-999-name": "the last"})
    assert said(response) == ["Revision 2 is saved."]
    assert AiModule.objects.get().schema.names[-1] == "the last"
