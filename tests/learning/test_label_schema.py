"""Revisions of a label schema: ids that stay, names that go on meaning what they meant, and what is refused."""

import re
import time

import pytest

from accounts.models import Event
from core.errors import Conflict, Invalid, Refused
from learning import annotation, patterns, schema_changes, shortcuts
from learning.actions import label_schema, review
from learning.annotation import Rules
from learning.models import LabelSchema
from learning.renaming import in_current_names
from tests import people
from tests.factories import training as rooms
from tests.factories.learning import delivered, pune, vehicles
from tests.racing import race

pytestmark = pytest.mark.django_db


def revise(module, based_on=None, **content) -> LabelSchema:
    newest = module.schema.revision if based_on is None else based_on
    return label_schema.revise(module, by=people.ada(), based_on=newest, **content)


def labels_of(module) -> list[dict]:
    return [dict(label) for label in module.schema.labels]


def test_a_revision_keeps_ids_and_leaves_the_one_before_as_it_was():
    module = vehicles()
    labels = labels_of(module)
    labels[0]["name"], labels[1]["color"], labels[2]["shortcut"] = "automobile", "#000", "b"
    schema = revise(module, labels=[labels[2], labels[0], labels[1], "tram"], note=" trams came ")
    assert [(label["id"], label["name"]) for label in schema.labels] == [
        (3, "bicycle"),
        (1, "automobile"),
        (2, "bus"),
        (4, "tram"),
    ]
    assert schema.labels[1]["formerly"] == ["car"]
    assert (schema.revision, schema.note, schema.created_by) == (2, "trams came", people.ada())
    assert LabelSchema.objects.get(module=module, revision=1).names == ["car", "bus", "bicycle"]
    assert Event.objects.get(verb="revise_schema").facts == {"revision": 2, "added": 1, "renamed": 1, "changed": 3}


def test_the_same_revision_twice_is_one_and_an_old_base_is_refused():
    module = vehicles()
    first = revise(module, labels=["car", "bus", "bicycle", "tram"])
    assert revise(module, based_on=1, labels=["car", "bus", "bicycle", "tram"]) == first
    with pytest.raises(Conflict, match="saved meanwhile"):
        revise(module, based_on=1, labels=["car", "bus", "bicycle", "tram", "boat"])
    assert LabelSchema.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_of_two_revisions_at_once_one_is_told_of_the_other():
    module, ada = vehicles(), people.ada()
    names = ["car", "bus", "bicycle"]

    def add(number: int) -> LabelSchema:
        return label_schema.revise(module, by=ada, based_on=1, labels=[*names, f"tram {number}"])

    answers, refusals = race(add, threads=4)
    assert (len(answers), {refusal.code for refusal in refusals}) == (1, {"schema_revised"})
    assert LabelSchema.objects.count() == 2


def test_only_who_may_revises():
    with pytest.raises(Refused):
        label_schema.revise(vehicles(), by=people.rhea(), based_on=1, labels=["car"])


def test_a_former_name_goes_on_meaning_its_label():
    module = vehicles()
    labels = labels_of(module)
    labels[0]["name"] = "automobile"
    rules = Rules.of(revise(module, labels=labels))
    annotation.check({"label": "car"}, rules)
    annotation.check({"label": "automobile"}, rules)
    assert annotation.agree({"label": "car"}, {"label": "automobile"}, rules)
    boxes = [{"boxes": [{"label": name, "bbox": [0, 0, 9, 9]}]} for name in ("car", "automobile")]
    assert annotation.agree(*boxes, rules)
    assert in_current_names(boxes[0], rules.renames) == boxes[1]
    assert in_current_names({"label": "car"}, rules.renames) == {"label": "automobile"}


def test_renamed_back_and_forth_the_names_stay_its_own():
    module = vehicles()
    for name in ("automobile", "car", "auto"):
        labels = labels_of(module)
        labels[0]["name"] = name
        schema = revise(module, labels=labels)
    assert schema.labels[0]["formerly"] == ["car", "automobile"]
    with pytest.raises(Invalid, match="would change its meaning"):
        revise(module, labels=[*labels_of(module), "automobile"])
    with pytest.raises(Invalid, match="twice"):
        revise(module, labels=[*labels_of(module)[1:], {"id": 1, "name": "tram"}, "auto"])


def test_a_used_label_is_retired_and_never_left_out():
    city = pune()
    module = vehicles()
    delivered(city, 1)
    with pytest.raises(Invalid, match="retire it"):
        revise(module, labels=["bus", "bicycle"])
    schema = revise(module, labels=["car", "bus"])  # nobody ever said bicycle
    assert schema.names == ["car", "bus"]
    schema = revise(module, labels=[{"name": "car", "retired": True}, "bus", "bicycle"])
    assert [(label["id"], label["name"]) for label in schema.labels] == [(1, "car"), (2, "bus"), (4, "bicycle")]
    rules = Rules.of(schema)
    with pytest.raises(annotation.BadValue):
        annotation.check({"label": "car"}, rules)
    annotation.check({"label": "car"}, rules, allow_retired=True)


def test_a_label_that_was_only_judged_counts_as_used():
    city = pune()
    module = vehicles(review_policy={"city_labels": "review"})
    delivered(city, 1)
    lease = review.lease_next(module, by=people.ann())
    review.decide(
        lease.slot, by=people.ann(), lease_token=lease.token, client_uuid="7d444840-9dc0-41d1-b245-5ffdce74fad2",
        decision="change", correction={"label": "bicycle"},
    )  # fmt: skip
    with pytest.raises(Invalid, match="bicycle was used"):
        revise(module, labels=["car", "bus"])
    assert label_schema.use_of(module, module.schema.labels) == {1: 0, 2: 0, 3: 1}


def test_a_used_name_that_is_not_ascii_is_found():
    module = vehicles(labels=["車", "bus"])
    rooms.sample(module, rooms.city(people.ada()), 1, prediction={"label": "車"}, truth={"label": "車"})
    with pytest.raises(Invalid, match="車 was used"):
        revise(module, labels=["bus"])


def test_an_attribute_that_is_retired_is_no_longer_asked_and_still_understood():
    module = vehicles(attributes=[{"name": "night", "type": "checkbox", "required": True}])
    with pytest.raises(annotation.BadValue):
        annotation.check({"label": "car"}, module.schema)
    schema = revise(module, attributes=[{"name": "night", "type": "checkbox", "required": True, "retired": True}])
    annotation.check({"label": "car"}, schema)
    annotation.check({"label": "car", "attributes": {"night": True}}, schema)


def test_reasons_to_reject_may_be_others_than_those_for_unsure():
    module = vehicles(reasons=["dark"])
    assert module.schema.reasons_for("reject") == ["dark"]
    schema = revise(module, reject_reasons=["privacy"])
    assert (schema.reasons_for("unsure"), schema.reasons_for("reject")) == (["dark", "guide_unclear"], ["privacy"])


def test_what_a_revision_changes_is_said_in_words():
    module = vehicles(attributes=[{"name": "make", "type": "select", "values": ["kia", "fiat"]}], reasons=["dark"])
    labels = labels_of(module)
    labels[0]["name"], labels[1]["retired"] = "automobile", True
    make = {"name": "make", "type": "select", "values": ["kia", "opel"], "required": True}
    _, found = label_schema.preview(
        module,
        labels=[*labels[:2], "tram"],
        attributes=[make],
        reasons=["dark", "wet"],
        text={"max_length": 9},
        guide="Look twice.",
    )
    assert [(change.kind, change.name) for change in found] == [
        ("renamed", "automobile"),
        ("retired", "bus"),
        ("added", "tram"),
        ("gone", "bicycle"),
        ("changed", "make"),
        ("changed", "text"),
        ("changed", "reasons"),
        ("changed", "guide"),
    ]
    assert found[4].sentence == "may be opel too; may no longer be fiat; must be said"
    assert found[5].sentence == "max length: 9"
    assert found[6].sentence == "+ wet"
    assert module.schema.revision == 1
    assert schema_changes.changes(module.schema.content, module.schema.content) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"labels": [{"id": 99, "name": "car"}]},
        {"labels": [{"id": 1, "name": "car"}, {"id": 1, "name": "lorry"}]},
        {"labels": [{"name": "car", "speed": 1}]},
        {"labels": [{"name": "car", "guide": "x" * 2_001}]},
        {"labels": [{"name": "car", "examples": ["s"] * 13}]},
        {"labels": [" car"]},
        {"labels": ["a\u202eb"]},
        {"attributes": [{"name": "a", "type": "checkbox", "values": ["x"]}]},
        {"attributes": [{"name": "a", "type": "text"}, {"name": "a", "type": "number"}]},
        {"attributes": [{"name": "a", "type": "text", "colour": 1}]},
        {"reasons": [f"r{number}" for number in range(21)]},
        {"text": {"max_length": True}},
        {"text": []},
        {"guide": 7},
        {"guide": "a\0b"},
        {"speed": 1},
        {"note": "x" * 301, "guide": "other"},
    ],
)
def test_a_revision_that_makes_no_sense_is_invalid(wrong):
    module = vehicles()
    with pytest.raises(Invalid):
        revise(module, **wrong)
    assert module.schema.revision == 1


@pytest.mark.parametrize("key", ["n", "U", "/", "'", " ", "é", "я", "ab"])
def test_a_key_of_the_page_or_the_browser_is_no_shortcut(key):
    with pytest.raises(Invalid):
        shortcuts.check(key)


def test_one_unreadable_character_is_marked_where_the_pattern_leaves_room():
    text = {"pattern": "[A-Z]{2}[0-9]{4}", "max_length": 6, "normalise": "plate", "unreadable": "?"}
    rules = Rules.of(vehicles(task="text", text=text).schema)
    for fine in ("AB1234", "A?1234", "AB12?4"):
        annotation.check({"text": fine}, rules)
    for wrong in ("A?12?4", "AB12345"[:7], "?", "AB-123"):
        with pytest.raises(annotation.BadValue):
            annotation.check({"text": wrong}, rules)
    assert not annotation.agree({"text": "AB12?4"}, {"text": "AB124"}, rules)
    assert annotation.agree({"text": "AB12?4"}, {"text": "ab 12?4"}, rules)


@pytest.mark.parametrize(
    "pattern", ["(a+)+", "(a|a)+b", "(a*)*", r"\w+ \w+", "(((a?){20}){20}){20}", r"(a)\1", "(", "a" * 301, "(?P<x>a)(?(x)b|c)"]
)
def test_a_pattern_that_could_take_for_ever_is_refused(pattern):
    with pytest.raises(Invalid):
        patterns.check(pattern, 500)


@pytest.mark.parametrize(
    ("pattern", "length", "bad"),
    [
        ("[A-Z]{2}[0-9]{1,2}[A-Z]{0,3}[0-9]{4}", 12, "MH12ABC123X"),
        ("(?:a(?:b|b)){17}c", 500, "ab" * 17 + "d"),
        (r"\d+[.,]\d+", 400, "1" * 400),
        ("([A-Z]{2} ?){3}", 9, "AB CD EF!"),
        ("", 5, ""),
    ],
)
def test_what_is_taken_answers_at_once_even_on_its_worst_text(pattern, length, bad):
    patterns.check(pattern, length)
    begun = time.perf_counter()
    re.compile(pattern).fullmatch(bad)
    assert time.perf_counter() - begun < 0.5
