"""The schemas of docs/wire: sound in themselves, complete, and able to refuse. tests/wire.py holds all traffic against them."""

import json

import pytest
from django.urls import get_resolver
from jsonschema import Draft202012Validator

from config.wire import EXAMPLES, SCHEMAS, SPOKEN, examples
from tests.wire import conforms, validator

NAMES = sorted(path.stem for path in SCHEMAS.glob("*.json"))
BOX = {"label": "plate", "bbox": [1, 2, 30, 10]}


@pytest.mark.parametrize("name", NAMES)
def test_each_schema_is_sound_and_says_what_it_is_for(name):
    schema = json.loads((SCHEMAS / f"{name}.json").read_text())
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"{name}.json"
    assert schema["title"].endswith(".")
    assert f"`{name}.json`" in (SCHEMAS / "README.md").read_text()


def test_each_route_that_is_listened_to_is_there_and_each_schema_is_used():
    routes = {name for name in get_resolver().reverse_dict if isinstance(name, str)}
    assert {route for _, route in SPOKEN} <= routes
    spoken = {name for pair in SPOKEN.values() for name in pair if name} | {"problem", "item", "webhook"}
    referred = {other for name in NAMES for other in NAMES if f'"{other}.json"' in (SCHEMAS / f"{name}.json").read_text()}
    assert set(NAMES) == spoken | referred


@pytest.mark.parametrize("name", NAMES)
def test_each_schema_has_an_example_that_is_what_it_says(name):
    conforms(name, examples()[f"{name}.json"])
    assert "testserver" not in (EXAMPLES / f"{name}.json").read_text()


def test_no_example_is_left_of_a_schema_that_is_gone():
    assert set(examples()) == {f"{name}.json" for name in NAMES}


@pytest.mark.parametrize(
    "value",
    [{"label": 7}, {"boxes": [{**BOX, "bbox": [1, 2, 3]}]}, {"boxes": [{"bbox": [1, 2, 3, 4]}]}, {"points": []}, [], "car"],
)
def test_what_is_no_annotation_is_refused(value):
    with pytest.raises(AssertionError, match="annotation"):
        conforms("annotation", value)


def test_annotations_of_every_kind():
    for value in ({}, {"label": "car"}, {"text": "MH12"}, {"boxes": [BOX]}, {"boxes": [{**BOX, "attributes": {"wet": True}}]}):
        conforms("annotation", value)
    assert validator("annotation").is_valid({"label": None})
