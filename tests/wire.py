"""Listening to all traffic of the suite: what the hub takes and answers must be what docs/wire says.

A middleware that stands before all others while tests run. Where an endpoint has a schema, an accepted body and each answer of
2xx are held against it; every refusal of the API is held against problem.json. So a schema can be neither stricter than the hub
nor out of date, wherever any test goes.
"""

import json
from contextlib import suppress
from functools import cache
from pathlib import Path

import orjson
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

SCHEMAS = Path(__file__).parent.parent / "docs" / "wire"
SPOKEN = {
    ("POST", "api-modules"): ("module-new", "module"),
    ("GET", "api-module"): (None, "module"),
    ("PATCH", "api-module"): ("module-change", "module"),
    ("POST", "api-module-schemas"): ("label-schema-new", "label-schema"),
    ("GET", "api-module-policy"): (None, "policy"),
    ("PATCH", "api-module-policy"): ("policy-change", "policy"),
    ("POST", "api-batches"): ("batch-open", "batch"),
    ("GET", "api-batch"): (None, "batch"),
    ("POST", "api-batch-items"): ("items", "outcomes"),
    ("POST", "api-batch-seal"): ("seal", "batch"),
    ("POST", "api-review-next"): ("next", "lease"),
    ("POST", "api-review-decide"): ("decision", "decided"),
    ("POST", "api-grid-lease"): ("grid", "grid-page"),
    ("POST", "api-grid-decide"): ("grid-decision", "grid-decided"),
    ("POST", "api-grid-renew"): ("grid-leases", "grid-renewed"),
    ("POST", "api-review-reopen"): ("reopen", "reopening"),
    ("GET", "api-review-reopened"): (None, "reopening"),
    ("POST", "api-versions"): ("version-new", "version"),
    ("GET", "api-version"): (None, "version"),
    ("GET", "api-version-files"): (None, "file"),
    ("POST", "api-version-verify"): ("version-proof-new", "version"),
    ("POST", "api-version-promote"): (None, "version"),
    ("POST", "api-version-demote"): (None, "version"),
    ("POST", "api-version-archive"): (None, "version"),
    ("GET", "api-version-compare"): (None, "version-comparison"),
    ("GET", "api-lineage"): (None, "lineage"),
    ("POST", "api-dataset-import"): ("import-new", "import"),
    ("GET", "api-import"): (None, "import"),
    ("POST", "api-import-confirm"): ("import-confirm", "import"),
    ("POST", "api-import-cancel"): (None, "import"),
    ("POST", "api-import-errors"): (None, "download"),
    ("POST", "api-dataset-export"): ("export-new", "export"),
    ("GET", "api-export"): (None, "export"),
    ("POST", "api-export-cancel"): (None, "export"),
    ("POST", "api-export-download"): (None, "download"),
    ("POST", "api-dataset-preview"): (None, "rule-preview"),
    ("GET", "api-growth"): (None, "growth"),
    ("POST", "api-dataset-uploads"): ("dataset-upload-new", "dataset-upload"),
    ("GET", "api-dataset-upload"): (None, "dataset-upload"),
    ("POST", "api-upload-parts"): ("upload-parts", "upload-parts-signed"),
    ("POST", "api-upload-complete"): ("upload-complete", "dataset-upload"),
    ("POST", "api-gold"): ("gold-new", "gold"),
    ("POST", "api-gold-retire"): ("reason", "gold"),
    ("POST", "api-pauses"): ("pause-new", "pause"),
    ("POST", "api-pause-lift"): ("reason", "pause"),
    ("GET", "api-quality"): (None, "quality"),
    ("POST", "api-jobs"): ("job-new", "job"),
    ("GET", "api-job"): (None, "job"),
    ("GET", "api-model"): (None, "model"),
    ("GET", "api-model-active"): (None, "model"),
    ("GET", "api-model-compare"): (None, "model-comparison"),
    ("POST", "api-model-approve"): ("approve", "model"),
    ("POST", "api-model-release"): ("release", "model"),
    ("POST", "api-model-deploy"): ("deploy", "deployed"),
    ("POST", "api-model-deploy-all"): ("deploy-all", "rollout-started"),
    ("POST", "api-rollout-preview"): ("rollout-preview-new", "rollout-preview"),
    ("PATCH", "api-edge"): ("edge-described", None),
    ("POST", "api-edge-replace"): (None, "hardware-replaced"),
    ("POST", "api-fleet-freeze"): ("fleet-freeze", None),
    ("POST", "api-edge-enrol"): ("enrolment", "enrolled"),
    ("POST", "api-deployment-retry"): (None, "deployment"),
    ("GET", "api-edge-assignment"): (None, "assignment"),
    ("POST", "api-edge-download"): (None, "download"),
    ("POST", "api-edge-reports"): ("reports", "reported"),
    ("POST", "api-edge-heartbeat"): ("heartbeat", "heard"),
}
"""(method, name of the route): the schemas of its body and of its answer."""


@cache
def schemas() -> Registry:
    """Read all schemas, which refer to each other by their file names."""
    files = {path.name: json.loads(path.read_text()) for path in SCHEMAS.glob("*.json")}
    return Registry().with_resources((file, Resource.from_contents(schema)) for file, schema in files.items()).crawl()


@cache
def validator(name: str) -> Draft202012Validator:
    """Make the validator of one schema, which may refer to the others."""
    schema = schemas().contents(f"{name}.json")
    return Draft202012Validator(schema, registry=schemas(), format_checker=Draft202012Validator.FORMAT_CHECKER)


def conforms(name: str, value: object) -> None:
    """Raise AssertionError, with the place and the sentence, unless a value is what the schema says."""
    faults = [f"{fault.json_path}: {fault.message[:300]}" for fault in validator(name).iter_errors(value)]
    assert not faults, f"docs/wire/{name}.json: {'; '.join(faults)}"


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
