"""Listening to all traffic of the suite: what the hub takes and answers must be what docs/wire says.

A middleware that stands before all others while tests run. Where an endpoint has a schema, an accepted body and each answer of
2xx are held against it; every refusal of the API is held against problem.json. So a schema can be neither stricter than the hub
nor out of date, wherever any test goes.
"""

from contextlib import suppress
from functools import cache

import orjson
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from config.wire import SPOKEN, schemas
from tests import examples


@cache
def registry() -> Registry:
    """Answer all schemas, so that they find each other."""
    return Registry().with_resources((file, Resource.from_contents(schema)) for file, schema in schemas().items()).crawl()


@cache
def validator(name: str) -> Draft202012Validator:
    """Make the validator of one schema, which may refer to the others."""
    schema = schemas()[f"{name}.json"]
    return Draft202012Validator(schema, registry=registry(), format_checker=Draft202012Validator.FORMAT_CHECKER)


def conforms(name: str, value: object) -> None:
    """Raise AssertionError, with the place and the sentence, unless a value is what the schema says."""
    faults = [f"{fault.json_path}: {fault.message[:300]}" for fault in validator(name).iter_errors(value)]
    assert not faults, f"docs/wire/{name}.json: {'; '.join(faults)}"
    examples.hear(name, value)


class Listening:
    """The middleware."""

    def __init__(self, get_response) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith("/api/"):
            return self.get_response(request)
        with suppress(RequestDataTooBig):  # the view will say so
            request.body  # noqa: B018  # read now, it is still there when the view has parsed it
        answer = self.get_response(request)
        _hear(request, answer)
        return answer


def _hear(request: HttpRequest, answer: HttpResponse) -> None:
    if answer.status_code >= 400:
        if answer.get("Content-Type") == "application/problem+json" and answer.content:
            conforms("problem", orjson.loads(answer.content))
        return
    route = request.resolver_match.url_name if request.resolver_match else None
    body, said = SPOKEN.get((request.method, route), (None, None))
    if said is None or answer.status_code in {204, 304}:
        return
    for value in _values(answer):
        conforms(said, value)
    if body and request.content_type == "application/json":
        sent = orjson.loads(request.body or b"{}")
        conforms(body, sent)
        if body == "items":
            _hear_items(sent["items"], orjson.loads(answer.content)["results"])


def _hear_items(items: list, results: list) -> None:
    """Hold the items that were taken against their schema; the others have had their reasons."""
    for item, result in zip(items, results, strict=True):
        if result["outcome"] != "rejected":
            conforms("item", item)


def _values(answer: HttpResponse) -> list:
    if answer["Content-Type"].startswith("application/jsonl"):
        return [orjson.loads(line) for line in answer.content.splitlines()]
    return [orjson.loads(answer.content)]
