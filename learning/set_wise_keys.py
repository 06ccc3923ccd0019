"""Foreign keys that PostgreSQL checks once a statement and not once a row (docs/decisions/0007).

Samples and their labels come in by ten thousands, and of what they point at there is little: one city, one batch, some
modules and cameras. A key checked row by row costs as much as the row. These are checked for all rows of a statement at
once, with the same locks and the same error; keys to what comes and goes (sample to object, label to sample) stay as
they are, and so does everything on SQLite.
"""

KEYS = {
    "learning_samples": {
        "module_id": "ai_modules",
        "city_id": "cities",
        "camera_id": "cameras",
        "batch_id": "upload_batches",
    },
    "hitl_labels": {"city_id": "cities", "schema_id": "label_schemas", "annotator_id": "users"},
    "stored_objects": {"owner_id": "users"},
}
"""Table → column → the table whose `id` it holds."""


def statements() -> list[str]:
    """Answer what makes the database check them: at insert, at update of such a column, and where a parent is deleted."""
    made = []
    for table, keys in KEYS.items():
        made += [_on_insert(table, keys), _on_update(table, keys)]
    parents = sorted({parent for keys in KEYS.values() for parent in keys.values()})
    made += [_on_delete(parent) for parent in parents]
    return [*made, *(trigger for table in KEYS for trigger in _child_triggers(table)), *map(_parent_trigger, parents)]


def _on_insert(table: str, keys: dict[str, str]) -> str:
    checks = "".join(
        f"""
        PERFORM parent.id FROM {parent} parent WHERE parent.id IN (SELECT arrived.{column} FROM arrived) FOR KEY SHARE;
        IF EXISTS (SELECT FROM (SELECT DISTINCT arrived.{column} AS id FROM arrived) named
                   WHERE named.id IS NOT NULL AND NOT EXISTS (SELECT FROM {parent} parent WHERE parent.id = named.id)) THEN
            {_refusal(table, column, parent)}
        END IF;"""  # noqa: S608  (our own names)
        for column, parent in keys.items()
    )
    return _function(f"{table}_keys_of_arrived", checks)


def _on_update(table: str, keys: dict[str, str]) -> str:
    checks = "".join(
        f"""
        IF NEW.{column} IS NOT NULL AND NEW.{column} IS DISTINCT FROM OLD.{column} THEN
            PERFORM parent.id FROM {parent} parent WHERE parent.id = NEW.{column} FOR KEY SHARE;
            IF NOT FOUND THEN
                {_refusal(table, column, parent)}
            END IF;
        END IF;"""
        for column, parent in keys.items()
    )
    return _function(f"{table}_keys_of_changed", checks)


def _on_delete(parent: str) -> str:
    children = [(table, column) for table, keys in KEYS.items() for column, named in keys.items() if named == parent]
    checks = "".join(
        f"""
        IF EXISTS (SELECT FROM gone WHERE EXISTS (SELECT FROM {table} child WHERE child.{column} = gone.id)) THEN
            {_refusal(table, column, parent)}
        END IF;"""  # noqa: S608  (our own names)
        for table, column in children
    )
    return _function(f"{parent}_are_named", checks)


def _refusal(table: str, column: str, parent: str) -> str:
    return (
        f"RAISE foreign_key_violation USING MESSAGE = '{table}.{column} names a row that is not in {parent}', "
        f"TABLE = '{table}', COLUMN = '{column}';"
    )


def _function(name: str, body: str) -> str:
    return f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$\n    BEGIN{body}\n        RETURN NULL;\n    END $$"


def _child_triggers(table: str) -> list[str]:
    arrived = f"AFTER INSERT ON {table} REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT"
    changed = f"AFTER UPDATE OF {', '.join(KEYS[table])} ON {table} FOR EACH ROW"
    return [
        f"CREATE TRIGGER {table}_keys_of_arrived {arrived} EXECUTE FUNCTION {table}_keys_of_arrived()",
        f"CREATE TRIGGER {table}_keys_of_changed {changed} EXECUTE FUNCTION {table}_keys_of_changed()",
    ]


def _parent_trigger(parent: str) -> str:
    return (
        f"CREATE TRIGGER {parent}_are_named AFTER DELETE ON {parent} REFERENCING OLD TABLE AS gone "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {parent}_are_named()"
    )
