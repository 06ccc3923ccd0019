"""The OpenAPI document: made without a warning, of every path, by the schemas of docs/wire. tests/long holds the hub to it."""

from io import StringIO

import pytest
import yaml
from django.core.management import call_command
from django.urls import get_resolver
from jsonschema import Draft202012Validator

from config.openapi import METHODS, component
from config.wire import SPOKEN, examples, schemas


@pytest.fixture(scope="module")
def document():
    out = StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=out)
    return yaml.safe_load(out.getvalue())


def operations(document):
    return [(path, name, item[name]) for path, item in document["paths"].items() for name in METHODS if name in item]


def test_every_route_is_in_it_and_no_other(document):
    routes = {name for name in get_resolver().reverse_dict if isinstance(name, str) and name.startswith("api-")}
    assert len(document["paths"]) == len(routes)


def test_every_operation_has_a_name_of_its_own_and_says_how_it_refuses(document):
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(names)) == len(names)
    for path, _, operation in operations(document):
        refusal = operation["responses"]["default"]["content"]["application/problem+json"]
        assert refusal["schema"] == {"$ref": "#/components/schemas/Problem"}, path
        assert operation["description"].endswith("."), path


def test_bodies_and_answers_are_those_of_the_wire(document):
    body = document["paths"]["/api/v1/training/jobs/"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    answer = document["paths"]["/api/v1/training/jobs/"]["post"]["responses"]["201"]["content"]["application/json"]["schema"]
    assert (body, answer) == ({"$ref": "#/components/schemas/JobNew"}, {"$ref": "#/components/schemas/Job"})
    assert len(SPOKEN) > 80


def test_shapes_of_the_wire_are_shown_by_an_example(document):
    shapes = {component(file): example for file, example in examples().items()}
    shown = {name: schema["examples"] for name, schema in document["components"]["schemas"].items() if name in shapes}
    assert len(shown) > 80
    assert shown == {name: [shapes[name]] for name in shown}


def test_every_component_is_sound_and_finds_the_others(document):
    for name, schema in document["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        assert "$id" not in schema, name
    assert len(document["components"]["schemas"]) > len(schemas()) / 2
