"""Foreign keys that PostgreSQL checks once a statement and not once a row (docs/decisions/0007).

Samples, their objects and their labels come in by ten thousands, and a key checked row by row costs as much as the row. These
are checked for all rows of a statement at once, with the same locks and the same error; every other key stays as it is, and so
does everything on SQLite.
"""

from typing import Any

FEW = {
    "learning_samples": {
        "module_id": "ai_modules",
        "city_id": "cities",
        "camera_id": "cameras",
        "batch_id": "upload_batches",
    },
    "hitl_labels": {"city_id": "cities", "schema_id": "label_schemas", "annotator_id": "users"},
    "stored_objects": {"owner_id": "users"},
}
"""Table → column → the table whose `id` it holds, of which a statement names few."""
OWN = {"learning_samples": {"object_id": "stored_objects"}, "hitl_labels": {"sample_id": "learning_samples"}}
"""The same, of which each row names another."""
KEYS = {table: {**keys, **OWN.get(table, {})} for table, keys in FEW.items()}


def establish(schema_editor: Any) -> None:
    """Put these keys in the place of PostgreSQL's own; may be run again. SQLite's stay as they are."""
    if schema_editor.connection.vendor != "postgresql":
        return
    with schema_editor.connection.cursor() as cursor:
        for table, keys in KEYS.items():
            constraints = schema_editor.connection.introspection.get_constraints(cursor, table)
            for name, facts in constraints.items():
                if facts["foreign_key"] and facts["columns"][0] in keys:
                    schema_editor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {schema_editor.quote_name(name)}")
    for statement in statements():
        schema_editor.execute(statement, params=None)


def statements() -> list[str]:
    """Answer what makes the database check them: at insert, at update of such a column, and where a parent is deleted."""
    made = []
    for table in KEYS:
        made += [_on_insert(table), _on_update(table)]
    parents = sorted({parent for keys in KEYS.values() for parent in keys.values()})
    made += [_on_delete(parent) for parent in parents]
    triggers = [trigger for table in KEYS for trigger in _child_triggers(table)] + [_parent_trigger(each) for each in parents]
    return made + [statement for trigger in triggers for statement in trigger]


def _on_insert(table: str) -> str:
    checks = _few_are_there(table) + "".join(_own_is_there(table, *each) for each in OWN.get(table, {}).items())
    declared = "".join(f" no_{column} boolean;" for column in KEYS[table])
    return _function(f"{table}_keys_of_arrived", checks, f"{declared} others boolean;")


def _few_are_there(table: str) -> str:
    """Look through what arrived once, and lock and count the few rows that it names."""
    few = FEW[table]
    locked = "".join(
        f""",
            {parent}_there AS (SELECT parent.id FROM {parent} parent
                WHERE parent.id IN (SELECT each.{column} FROM each) FOR KEY SHARE)"""  # noqa: S608  (our own names)
        for column, parent in few.items()
    )
    missing = ",\n            ".join(
        f"""EXISTS (SELECT FROM each WHERE each.{column} IS NOT NULL
                AND NOT EXISTS (SELECT FROM {parent}_there there WHERE there.id = each.{column}))"""  # noqa: S608  (our own names)
        for column, parent in few.items()
    )
    return f"""
        WITH each AS MATERIALIZED (SELECT DISTINCT {", ".join(few)} FROM arrived){locked}
        SELECT {missing}
        INTO {", ".join(f"no_{column}" for column in few)};""" + "".join(  # noqa: S608  (our own names)
        _refused(table, *each) for each in few.items()
    )


def _own_is_there(table: str, column: str, parent: str) -> str:
    """Walk the parents' index for each row's own; the rows of this very transaction nobody else sees, nor deletes: no lock."""
    there = f"FROM arrived LEFT JOIN {parent} parent ON parent.id = arrived.{column}"
    missing = f"arrived.{column} IS NOT NULL AND parent.id IS NULL"
    return f"""
        SELECT COALESCE(bool_or({missing}), FALSE), COALESCE(bool_or(parent.xmin <> pg_current_xact_id()::xid), FALSE)
        INTO no_{column}, others {there};
        IF others THEN
            PERFORM parent.id FROM arrived JOIN {parent} parent ON parent.id = arrived.{column} FOR KEY SHARE OF parent;
            no_{column} := EXISTS (SELECT {there} WHERE {missing});
        END IF;""" + _refused(table, column, parent)  # noqa: S608  (our own names)


def _refused(table: str, column: str, parent: str) -> str:
    return f"""
        IF no_{column} THEN
            {_refusal(table, column, parent)}
        END IF;"""


def _on_update(table: str) -> str:
    checks = "".join(
        f"""
        IF NEW.{column} IS NOT NULL AND NEW.{column} IS DISTINCT FROM OLD.{column} THEN
            PERFORM parent.id FROM {parent} parent WHERE parent.id = NEW.{column} FOR KEY SHARE;
            IF NOT FOUND THEN
                {_refusal(table, column, parent)}
            END IF;
        END IF;"""
        for column, parent in KEYS[table].items()
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


def _function(name: str, body: str, declared: str = "") -> str:
    """Walk indexes whatever the plan was made for: a plan is kept, and tables grow."""
    return (
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql "
        f"SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$\n"
        f"    DECLARE{declared}\n    BEGIN{body}\n        RETURN NULL;\n    END $$"
    )


def _child_triggers(table: str) -> list[tuple[str, str]]:
    arrived = f"AFTER INSERT ON {table} REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT"
    changed = f"AFTER UPDATE OF {', '.join(KEYS[table])} ON {table} FOR EACH ROW"
    return [_trigger(f"{table}_keys_of_arrived", table, arrived), _trigger(f"{table}_keys_of_changed", table, changed)]


def _parent_trigger(parent: str) -> tuple[str, str]:
    return _trigger(f"{parent}_are_named", parent, f"AFTER DELETE ON {parent} REFERENCING OLD TABLE AS gone FOR EACH STATEMENT")


def _trigger(name: str, table: str, when: str) -> tuple[str, str]:
    """Answer the statements that make a trigger anew."""
    return f"DROP TRIGGER IF EXISTS {name} ON {table}", f"CREATE TRIGGER {name} {when} EXECUTE FUNCTION {name}()"
