"""Attributes and their values are renamed as labels are: what was said under a former name goes on meaning the same."""

import pytest

from core.errors import Invalid
from learning import annotation
from learning.actions import label_schema, review
from learning.actions import module as modules
from learning.annotation import BadValue, Rules
from learning.module_forms import filled_from
from learning.renaming import in_current_names
from tests import people
from tests.factories.learning import delivered, pune, vehicles
from tests.learning.test_label_schema import revise
from tests.learning.test_module_pages import saved
from tests.learning.test_review import decide

pytestmark = pytest.mark.django_db
COLOUR = {"name": "colour", "type": "select", "values": ["rot", "blau"]}
NIGHT = {"name": "night", "type": "checkbox"}


def painted(**fields):
    return vehicles(attributes=[{**COLOUR, **fields}, NIGHT])


def renamed():
    """A module whose attribute colour is called paint now, and its value rot red."""
    module = painted()
    colour, night = module.schema.attributes
    renamed = {**colour, "name": "paint", "values": ["red", "blau"], "values_formerly": {"rot": "red"}}
    return module, revise(module, attributes=[renamed, night])


def said(**attributes):
    return {"label": "car", "attributes": attributes}


def test_attributes_have_ids_that_stay_and_are_never_given_twice():
    module = painted()
    assert [(row["id"], row["name"]) for row in module.schema.attributes] == [(1, "colour"), (2, "night")]
    schema = revise(module, attributes=[NIGHT, {"name": "make", "type": "text"}])
    assert [(row["id"], row["name"]) for row in schema.attributes] == [(2, "night"), (3, "make")]
    schema = revise(module, attributes=[NIGHT, {"name": "speed", "type": "number"}])
    assert [(row["id"], row["name"]) for row in schema.attributes] == [(2, "night"), (4, "speed")]
    assert revise(module, attributes=[NIGHT, {"name": "speed", "type": "number"}]).revision == schema.revision


def test_a_former_name_and_a_former_value_go_on_meaning_the_same():
    _, schema = renamed()
    assert schema.attributes[0] == {
        "id": 1,
        "name": "paint",
        "type": "select",
        "values": ["red", "blau"],
        "required": False,
        "per": "sample",
        "formerly": ["colour"],
        "values_formerly": {"rot": "red"},
    }
    rules = Rules.of(schema)
    before, now = said(colour="rot", night=True), said(paint="red", night=True)
    for value in (before, now, said(colour="red"), said(paint="rot")):
        annotation.check(value, rules)
    assert annotation.agree(before, now, rules)
    assert not annotation.agree(before, said(paint="blau", night=True), rules)
    assert in_current_names(before, rules.renames) == now
    assert in_current_names(now, rules.renames) == now


def test_of_each_box_too():
    module = vehicles(task="detection", attributes=[{**COLOUR, "per": "box", "required": True}])
    [colour] = module.schema.attributes
    rules = Rules.of(revise(module, attributes=[{**colour, "name": "paint"}]))
    before, now = (
        {"boxes": [{"label": "car", "bbox": [0, 0, 9, 9], "attributes": {name: "rot"}}]} for name in ("colour", "paint")
    )
    annotation.check(before, rules)
    assert annotation.agree(before, now, rules)
    assert in_current_names(before, rules.renames) == now


def test_the_same_attribute_twice_is_refused():
    _, schema = renamed()
    with pytest.raises(BadValue, match="twice"):
        annotation.check(said(colour="rot", paint="red"), schema)


def test_what_must_be_said_may_be_said_under_a_former_name():
    module = painted(required=True)
    colour, night = module.schema.attributes
    schema = revise(module, attributes=[{**colour, "name": "paint"}, night])
    annotation.check(said(colour="rot"), schema)
    with pytest.raises(BadValue, match="'paint' is required"):
        annotation.check({"label": "car", "attributes": {"night": True}}, schema)


def test_values_that_are_renamed_again_are_led_on():
    module, schema = renamed()
    paint, night = schema.attributes
    again = {**paint, "values": ["crimson", "blau"], "values_formerly": {"red": "crimson"}}
    schema = revise(module, attributes=[again, night])
    assert schema.attributes[0]["values_formerly"] == {"rot": "crimson", "red": "crimson"}
    assert in_current_names(said(colour="rot"), Rules.of(schema).renames) == said(paint="crimson")
    back = {**schema.attributes[0], "name": "colour", "values": ["rot", "blau"], "values_formerly": {"crimson": "rot"}}
    schema = revise(module, attributes=[back, night])
    assert (schema.attributes[0]["formerly"], schema.attributes[0]["values_formerly"]) == (
        ["paint"],
        {"red": "rot", "crimson": "rot"},
    )
    assert in_current_names(said(paint="red"), Rules.of(schema).renames) == said(colour="rot")


@pytest.mark.parametrize(
    "wrong",
    [
        {"values_formerly": {"gelb": "red"}},
        {"values_formerly": {"rot": "green"}},
        {"values_formerly": ["rot"]},
        {"values_formerly": {"rot": 7}},
        {"id": 9},
        {"id": True},
    ],
)
def test_what_renames_nothing_is_refused(wrong):
    module = painted()
    colour, night = module.schema.attributes
    with pytest.raises(Invalid):
        revise(module, attributes=[{**colour, "values": ["red", "blau"], **wrong}, night])


def test_a_former_name_never_becomes_another_attributes():
    module, schema = renamed()
    with pytest.raises(Invalid, match="would change its meaning"):
        revise(module, attributes=[*schema.attributes, {"name": "colour", "type": "text"}])


def test_a_used_attribute_is_not_left_out_under_whichever_name_it_was_said():
    module = painted()
    delivered(pune(), 1, prediction=said(colour="rot"))
    colour, night = module.schema.attributes
    revise(module, attributes=[{**colour, "name": "paint"}, night])
    with pytest.raises(Invalid, match="paint was used"):
        revise(module, attributes=[night])


def test_what_was_predicted_under_the_former_name_is_right_as_it_stands():
    module = painted()
    module.review_policy = {**module.review_policy, "city_labels": "review"}
    module.save()
    delivered(pune(), 2, prediction=said(colour="rot"))
    colour, night = module.schema.attributes
    revise(module, attributes=[{**colour, "name": "paint"}, night])
    ann = people.ann()
    label = decide(review.lease_next(module, by=ann), ann).label
    assert (label.label_status, label.prediction) == ("correct", said(colour="rot"))
    label = decide(review.lease_next(module, by=ann), ann, "change", correction=said(paint="blau")).label
    assert label.correction == said(paint="blau")


def test_the_change_is_said_in_words():
    module = painted()
    colour, night = module.schema.attributes
    new = {**colour, "name": "paint", "values": ["red", "blau", "green"], "values_formerly": {"rot": "red"}}
    _, found = label_schema.preview(module, attributes=[new, night])
    assert [(change.kind, change.name, change.sentence) for change in found] == [
        ("renamed", "paint", "was called colour; what was said as colour goes on meaning it"),
        ("changed", "paint", "its value rot is called red; may be green too"),
    ]
    _, found = label_schema.preview(module, attributes=[{**colour, "name": "paint"}, night])
    assert [change.kind for change in found] == ["renamed"]


def test_the_editor_renames_by_the_id_and_values_by_an_arrow():
    module = painted()
    saved(people.ada(), "vehicles", **{"attributes-0-name": "paint", "attributes-0-values": "rot -> red\nblau"})
    row = module.schema.attributes[0]
    assert (row["id"], row["name"], row["values"], row["values_formerly"]) == (1, "paint", ["red", "blau"], {"rot": "red"})
    assert filled_from(module.schema)["attributes"][0]["values"] == "red\nblau"


def test_a_copy_begins_without_the_past():
    _, schema = renamed()
    copy = modules.copied(schema)["attributes"]
    assert [set(row) & {"id", "formerly", "values_formerly"} for row in copy] == [set(), set()]
