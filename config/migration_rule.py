"""The rule of migrations: while one is applied the release before still runs, so whatever that needs stays until the next one.

Expand (add what may be absent), migrate (fill it, in a task), contract (drop what the release before no longer used). A migration that
contracts says so: `contract_of = "0.2.0"`, the release that stopped using it. Which migrations a release had stands in releases.json.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import (
    AddConstraint,
    AddField,
    AlterField,
    AlterModelTable,
    CreateModel,
    DeleteModel,
    RemoveField,
    RenameField,
    RenameModel,
)
from django.db.migrations.state import ProjectState
from django.db.models import NOT_PROVIDED, Field

FILE = Path(__file__).with_name("releases.json")
APPS = ("accounts", "learning", "training", "deployments", "config")
DROPS = (DeleteModel, RemoveField, RenameField, RenameModel, AlterModelTable)
WIDENINGS = {
    ("PositiveIntegerField", "PositiveBigIntegerField"),
    ("IntegerField", "BigIntegerField"),
    ("CharField", "TextField"),
}


@dataclass(frozen=True)
class Release:
    """A release that was given out, and the last migration of each app in it."""

    version: str
    migrations: Mapping[str, str] = field(default_factory=dict)


def releases() -> list[Release]:
    """Answer the releases that were marked, the oldest first."""
    return [Release(**facts) for facts in json.loads(FILE.read_text())]


def mark(version: str) -> Release:
    """Write down that what is there now is `version`: from here on the rule holds against it."""
    made = Release(version, {app: max(names) for app, names in _names(MigrationLoader(None)).items()})
    kept = [one for one in releases() if one.version != version]
    FILE.write_text(json.dumps([vars(one) for one in (*kept, made)], indent=1) + "\n")
    return made


def broken() -> list[str]:
    """Answer a sentence for each migration since the last release that the release before could not live with."""
    known = releases()
    if not known:
        return []
    loader = MigrationLoader(None)
    since, versions = known[-1], {one.version for one in known}
    names = _names(loader)
    fresh = [(app, name) for app in APPS for name in sorted(names[app]) if name > since.migrations.get(app, "")]
    return [
        sentence
        for key in fresh
        for sentence in complaints(loader.disk_migrations[key], loader.project_state(key, at_end=False), versions)
    ]


def complaints(migration: Migration, before: ProjectState, versions: set[str]) -> Iterator[str]:
    """Yield what one migration does that the release before cannot live with; `before` is the state that it starts from."""
    named = getattr(migration, "contract_of", None)
    made = {operation.name_lower for operation in migration.operations if isinstance(operation, CreateModel)}
    state = before.clone()
    for operation in migration.operations:
        if (fault := _fault(operation, state, migration.app_label, made)) and named not in versions:
            said = f"contract_of names {named}, which is no release" if named else "and does not say contract_of"
            yield f"{migration.app_label}.{migration.name} {fault}, {said} (docs/upgrading.md)"
        operation.state_forwards(migration.app_label, state)


def _fault(operation: Any, state: ProjectState, app: str, made: set[str]) -> str:
    if isinstance(operation, DROPS):
        return f"takes away what the release before uses ({operation.describe()})"
    model = getattr(operation, "model_name_lower", "")
    if model in made:
        return ""  # nobody uses a table yet that comes with it
    if isinstance(operation, AddField) and not _may_be_absent(operation.field):
        return f"adds {model}.{operation.name}, which the release before does not write: give it db_default or null"
    if isinstance(operation, AddConstraint):
        return f"adds the rule {operation.constraint.name}, which the release before does not know"
    if isinstance(operation, AlterField):
        return _narrows(operation, state.models[app, model].get_field(operation.name))
    return ""


def _narrows(operation: AlterField, old: "Field[Any, Any]") -> str:
    new, name = operation.field, f"{operation.model_name_lower}.{operation.name}"
    if old.null and not new.null:
        return f"makes {name} required, which the release before may leave empty"
    kinds = (old.get_internal_type(), new.get_internal_type())
    if kinds[0] != kinds[1] and kinds not in WIDENINGS:
        return f"makes {name} a {kinds[1]}, which the release before takes for a {kinds[0]}"
    if old.max_length and new.max_length and new.max_length < old.max_length:
        return f"makes {name} shorter"
    return ""


def _may_be_absent(added: "Field[Any, Any]") -> bool:
    return added.null or added.many_to_many or added.db_default is not NOT_PROVIDED or added.generated


def _names(loader: MigrationLoader) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {app: [] for app in APPS}
    for app, name in loader.disk_migrations:
        if app in found:
            found[app].append(name)
    return found
