"""What the OpenAPI document says beyond what drf-spectacular reads off the views.

Bodies and answers that docs/wire holds a schema of are described by it, with its example; every path says how it refuses (problem+json).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.generators import EndpointEnumerator
from drf_spectacular.openapi import AutoSchema

from config.wire import SPOKEN, examples, schemas
from core.problems import MEDIA_TYPE

METHODS = ("get", "put", "patch", "post", "delete")
COMPONENTS = "#/components/schemas/"
PARAMETER = re.compile(r"\{[^}]*\}")
REFUSED = {
    "description": "A refusal, with a sentence for a person: what is malformed, forbidden, not there, in conflict or too much.",
    "content": {MEDIA_TYPE: {"schema": {"$ref": f"{COMPONENTS}Problem"}}},
}


class Described(AutoSchema):
    """Names a list apart from one of its rows."""

    def get_operation_id(self) -> str:
        """Answer `…_retrieve` for a GET of one row alone: `training_jobs_retrieve`, `training_jobs`, `training_jobs_logs`."""
        name: str = super().get_operation_id()
        return name if self.path.rstrip("/").endswith("}") else name.removesuffix("_retrieve")


def describe(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Put docs/wire and refusals into a finished document."""
    components = result.setdefault("components", {}).setdefault("schemas", {})
    components.update({component(file): _shown(file, schema) for file, schema in schemas().items()})
    names = dict(_routes(get_resolver().url_patterns))
    for path, item in result["paths"].items():
        for method in METHODS:
            if operation := item.get(method):
                _say(operation, *SPOKEN.get((method.upper(), names.get(_bare(path), "")), (None, None)))
    result["components"]["schemas"] = {name: components[name] for name in sorted(_used(result["paths"], components))}
    return result


def component(file: str) -> str:
    """Answer the name that a schema's file has in the document: `batch-open.json` is BatchOpen."""
    return "".join(part.capitalize() for part in file.removesuffix(".json").split("-"))


def _say(operation: dict[str, Any], body: str | None, answer: str | None) -> None:
    """Describe one operation's body and its good answers; whatever else it answers is a refusal."""
    if body:
        content = {"application/json": {"schema": _reference(body)}}
        operation["requestBody"] = {"content": content, "required": bool(schemas()[f"{body}.json"].get("required"))}
    for said in operation["responses"].values():
        for kind, content in said.get("content", {}).items():
            if answer and kind == "application/json":
                content["schema"] = _reference(answer)
            elif answer:
                said["description"] = f"Lines, each of them a {component(answer)}."
    operation["responses"]["default"] = REFUSED


def _shown(file: str, schema: Any) -> Any:
    """Answer a shape of docs/wire as a component, with an example of it."""
    said = _referring(schema, component(file))
    return {**said, "examples": [examples()[file]]} if file in examples() else said


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"{COMPONENTS}{component(name)}"}


def _referring(schema: Any, home: str) -> Any:
    """Answer a schema whose references are to components; those within it are to its own, `home`."""
    if isinstance(schema, list):
        return [_referring(part, home) for part in schema]
    if not isinstance(schema, Mapping):
        return schema
    kept = {name: _referring(part, home) for name, part in schema.items() if name not in {"$schema", "$id"}}
    if isinstance(named := schema.get("$ref"), str):
        file, _, within = named.partition("#")
        kept["$ref"] = f"{COMPONENTS}{component(file) if file else home}{within}"
    return kept


def _used(paths: Any, components: Mapping[str, Any]) -> set[str]:
    """Answer the components that are referred to, from the paths or from one another."""
    found: set[str] = set()
    new = _references(paths)
    while new := new - found:
        found |= new
        new = {name for one in new for name in _references(components[one])}
    return found


def _references(part: Any) -> set[str]:
    if isinstance(part, Mapping):
        named = str(part.get("$ref", ""))
        own = {named.removeprefix(COMPONENTS).split("/")[0]} if named.startswith(COMPONENTS) else set()
        return own.union(*map(_references, part.values()))
    return set().union(*map(_references, part)) if isinstance(part, list) else set()


def _routes(patterns: list[Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Answer path and name of every route; parameters are nameless, since the document names them its own way."""
    reader: Any = EndpointEnumerator()
    for pattern in patterns:
        text = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _routes(pattern.url_patterns, text)
        elif isinstance(pattern, URLPattern) and pattern.name:
            yield _bare(reader.get_path_from_regex(text)), pattern.name


def _bare(path: str) -> str:
    return PARAMETER.sub("{}", path)
