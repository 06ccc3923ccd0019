"""Examples for docs/wire, taken from what tests say to the hub and hear from it.

    WIRE_EXAMPLES=heard.jsonl pytest tests/learning tests/training …     # writes down all that conforms
    python -m tests.examples heard.jsonl                                 # the most telling of each shape becomes its example

Only examples that are missing are written, so one may be put better by hand; one that no longer conforms fails tests/test_wire.py,
is deleted, and made again.
"""

import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HEARD = os.environ.get("WIRE_EXAMPLES")
HOSTS = re.compile(r"https?://(?:testserver|localhost|127\.0\.0\.1)(?::\d+)?(?=[/?\"]|$)")
LONGEST = 2_500
MOST_OF_A_LIST = 2


def hear(name: str, value: Any) -> None:
    """Write down a value that conforms, where somebody listens; one line at once, for several processes may write."""
    if HEARD:
        with Path(HEARD).open("a") as file:
            file.write(json.dumps([name, value], default=str) + "\n")


def write(heard: Path, folder: Path, schemas: dict[str, Any], is_valid: Any) -> list[str]:
    """Write the missing examples; answers their names."""
    best: dict[str, tuple[int, Any]] = {}
    for line in heard.read_text().splitlines():
        for name, value in parts(f"{json.loads(line)[0]}.json", json.loads(line)[1], schemas, is_valid):
            example = shortened(value)
            example = example if is_valid(name, example) else value
            if telling(example) > best.get(name, (0, None))[0]:
                best[name] = telling(example), example
    new = {name: example for name, (_, example) in best.items() if not (folder / f"{name}.json").exists()}
    folder.mkdir(exist_ok=True)
    for name, example in new.items():
        (folder / f"{name}.json").write_text(HOSTS.sub("https://hub.example.org", json.dumps(example, indent=2)) + "\n")
    return sorted(new)


def parts(file: str, value: Any, schemas: dict[str, Any], is_valid: Any) -> Iterator[tuple[str, Any]]:
    """Yield a value under its shape's name, and what within it has a shape of its own."""
    yield file.removesuffix(".json"), value
    yield from _within(schemas[file], value, schemas, is_valid)


def _within(schema: Any, value: Any, schemas: dict[str, Any], is_valid: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(schema, dict):
        return
    file = schema.get("$ref", "")
    if file in schemas and is_valid(file.removesuffix(".json"), value):
        yield from parts(file, value, schemas, is_valid)
    for choice in [*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())]:
        yield from _within(choice, value, schemas, is_valid)
    if isinstance(value, dict):
        for name, part in schema.get("properties", {}).items():
            if name in value:
                yield from _within(part, value[name], schemas, is_valid)
    if isinstance(value, list):
        for part in value:
            yield from _within(schema.get("items"), part, schemas, is_valid)


def shortened(value: Any) -> Any:
    """Answer a value with no more than the first of each list."""
    if isinstance(value, dict):
        return {name: shortened(part) for name, part in value.items()}
    if isinstance(value, list):
        kept = value if all(isinstance(part, int | float | str) for part in value) else value[:MOST_OF_A_LIST]
        return [shortened(part) for part in kept]
    return value


def telling(value: Any) -> int:
    """Answer how much a value shows: as many as it says things, and little where it would take a page to say them."""
    said = sum(1 for leaf in _leaves(value) if leaf not in (None, "", [], {}))
    return said + 1 if len(json.dumps(value)) <= LONGEST else 1


def _leaves(value: Any) -> Iterator[Any]:
    within = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    if not within:
        yield value
        return
    for part in within:
        yield from _leaves(part)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from config.wire import EXAMPLES
    from config.wire import schemas as known
    from tests.wire import validator

    for written in write(Path(sys.argv[1]), EXAMPLES, known(), lambda name, value: validator(name).is_valid(value)):
        sys.stdout.write(f"{written}\n")
