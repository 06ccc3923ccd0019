"""Annotation values: valid or not by their schema, and when two of them agree."""

from types import SimpleNamespace

import pytest

from learning.annotation import BadValue, agree, check, check_boxes_within, is_empty, normalise_text, overlap

SCHEMA = SimpleNamespace(
    labels=[{"id": 1, "name": "car"}, {"id": 2, "name": "bus"}, {"id": 3, "name": "tram", "retired": True}],
    attributes=[
        {"name": "night", "type": "checkbox", "per": "sample"},
        {"name": "lanes", "type": "number", "per": "sample"},
        {"name": "colour", "type": "select", "values": ["red", "blue"], "per": "box"},
    ],
    text={"pattern": "[A-Z0-9 ]+", "max_length": 12, "normalise": "plate"},
)


def box(label="car", bbox=(0, 0, 10, 10), **more):
    return {"label": label, "bbox": list(bbox), **more}


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"boxes": []},
        {"label": "car"},
        {"label": None, "text": "MH 12"},
        {"label": "bus", "attributes": {"night": True, "lanes": 2.5}},
        {"boxes": [box(attributes={"colour": "red"}), box("bus", (5.5, 0, 94.5, 50))]},
    ],
)
def test_a_value_of_the_schema_is_taken(value):
    check(value, SCHEMA, size=(100, 50))


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "wrong_type"),
        ([], "wrong_type"),
        ({"lable": "car"}, "wrong_type"),
        ({"label": 5}, "wrong_type"),
        ({"label": "plane"}, "label_outside_schema"),
        ({"label": "tram"}, "label_outside_schema"),
        ({"text": "mh 12"}, "text_outside_schema"),
        ({"text": "A" * 13}, "text_outside_schema"),
        ({"text": "A\0"}, "wrong_type"),
        ({"attributes": {"night": 1}}, "attribute_outside_schema"),
        ({"attributes": {"lanes": True}}, "attribute_outside_schema"),
        ({"attributes": {"colour": "red"}}, "attribute_outside_schema"),
        ({"attributes": []}, "wrong_type"),
        ({"boxes": {}}, "wrong_type"),
        ({"boxes": [box()] * 1_001}, "wrong_type"),
        ({"boxes": [{"bbox": [0, 0, 1, 1]}]}, "wrong_type"),
        ({"boxes": [box(bbox=(0, 0, 1))]}, "wrong_type"),
        ({"boxes": [box(bbox=(0, 0, "1", 1))]}, "wrong_type"),
        ({"boxes": [box(bbox=(0, 0, float("nan"), 1))]}, "wrong_type"),
        ({"boxes": [box(bbox=(0, 0, True, 1))]}, "wrong_type"),
        ({"boxes": [box(bbox=(0, 0, 0, 1))]}, "box_outside_image"),
        ({"boxes": [box(bbox=(-1, 0, 5, 5))]}, "box_outside_image"),
        ({"boxes": [box(bbox=(95, 0, 6, 5))]}, "box_outside_image"),
        ({"boxes": [box("plane")]}, "label_outside_schema"),
        ({"boxes": [box(attributes={"night": True})]}, "attribute_outside_schema"),
    ],
)
def test_a_value_outside_the_schema_is_refused_by_its_reason(value, code):
    with pytest.raises(BadValue) as refused:
        check(value, SCHEMA, size=(100, 50))
    assert refused.value.code == code


def test_a_prediction_may_know_a_retired_label():
    check({"label": "tram"}, SCHEMA, allow_retired=True)


def test_a_required_attribute_is_asked_for_except_where_there_is_nothing():
    schema = SimpleNamespace(
        labels=SCHEMA.labels, text={}, attributes=[{"name": "night", "type": "checkbox", "required": True}]
    )
    check({}, schema)
    with pytest.raises(BadValue, match="required"):
        check({"label": "car"}, schema)


def test_boxes_are_compared_with_the_image_once_its_size_is_known():
    value = {"boxes": [box(bbox=(0, 0, 100, 50))]}
    check_boxes_within(value, (100, 50))
    check_boxes_within(None, (1, 1))
    with pytest.raises(BadValue):
        check_boxes_within(value, (99, 50))


def test_emptiness_is_nothing_to_see():
    assert is_empty(None)
    assert is_empty({"boxes": [], "label": None})
    assert not is_empty({"label": "car"})


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ({"label": "car"}, {"label": "car"}, True),
        ({"label": "car"}, {"label": "bus"}, False),
        ({"label": "car"}, {}, False),
        ({}, {"boxes": []}, True),
        ({"text": "MH 12 AB"}, {"text": "mh-12ab"}, True),
        ({"text": "MH12"}, {"text": "MH13"}, False),
        ({"label": "car", "attributes": {"night": True}}, {"label": "car"}, False),
        ({"boxes": [box(), box("bus", (50, 0, 10, 10))]}, {"boxes": [box("bus", (50, 0, 10, 10)), box()]}, True),
        ({"boxes": [box(bbox=(0, 0, 100, 100))]}, {"boxes": [box(bbox=(0, 0, 100, 90))]}, True),
        ({"boxes": [box(bbox=(0, 0, 100, 100))]}, {"boxes": [box(bbox=(0, 0, 100, 89))]}, False),
        ({"boxes": [box()]}, {"boxes": [box(), box()]}, False),
        ({"boxes": [box()]}, {"boxes": [box("bus")]}, False),
    ],
)
def test_agreement(a, b, same):
    assert agree(a, b, SCHEMA) is same
    assert agree(b, a, SCHEMA) is same


def test_boxes_find_partners_one_to_one_even_where_the_nearest_is_taken():
    left, middle, right = box(bbox=(0, 0, 100, 100)), box(bbox=(5, 0, 100, 100)), box(bbox=(10, 0, 100, 100))
    assert agree({"boxes": [middle, left]}, {"boxes": [middle, right]}, SCHEMA)
    assert not agree({"boxes": [left, left]}, {"boxes": [left, right]}, SCHEMA)


def test_overlap_of_boxes_apart_is_nothing():
    assert overlap([0, 0, 10, 10], [10, 0, 10, 10]) == 0
    assert overlap([0, 0, 10, 10], [5, 0, 10, 10]) == pytest.approx(1 / 3)


def test_text_is_normalised_as_the_schema_asks():
    assert normalise_text("  a   b ") == "a b"
    assert normalise_text("mh-12 ab", "plate") == "MH12AB"
    assert normalise_text("\uff2d\uff28", "upper") == "MH"
    assert normalise_text(" a", "exact") == " a"
