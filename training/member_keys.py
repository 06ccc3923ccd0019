"""Foreign keys of members that PostgreSQL checks once a statement and not once a row (docs/decisions/0007 and 0022).

A freeze writes a million members: checked row by row their two keys cost four times what the rows cost, and lock, which means
write, each sample. Here the samples are looked up together and not locked; instead whoever deletes a sample waits for the
transactions that write members, and looks then. Everything on SQLite stays as it is.
"""

from typing import Any

SAMPLES = 7_304_101
"""Our own number among PostgreSQL's advisory locks: shared by who writes members, alone for who deletes samples."""

ARRIVED = f"""
        PERFORM pg_advisory_xact_lock_shared({SAMPLES});
        PERFORM version.id FROM dataset_versions version
            WHERE version.id IN (SELECT DISTINCT arrived.version_id FROM arrived) FOR KEY SHARE;
        IF EXISTS (SELECT FROM (SELECT DISTINCT arrived.version_id FROM arrived) each
                LEFT JOIN dataset_versions version ON version.id = each.version_id WHERE version.id IS NULL) THEN
            RAISE foreign_key_violation USING MESSAGE = 'dataset_members.version_id names a row that is not in dataset_versions';
        END IF;
        IF EXISTS (SELECT FROM arrived LEFT JOIN learning_samples sample ON sample.id = arrived.sample_id
                WHERE sample.id IS NULL) THEN
            RAISE foreign_key_violation USING MESSAGE = 'dataset_members.sample_id names a row that is not in learning_samples';
        END IF;"""  # noqa: S608  (our own number)
CHANGED = """
        RAISE foreign_key_violation USING MESSAGE = 'a member stays the member of its version and its sample';"""
VERSIONS_GONE = """
        IF EXISTS (SELECT FROM gone WHERE EXISTS (SELECT FROM dataset_members member WHERE member.version_id = gone.id)) THEN
            RAISE foreign_key_violation USING MESSAGE = 'dataset_members.version_id names a row that is not in dataset_versions';
        END IF;"""
SAMPLES_GONE = f"""
        IF EXISTS (SELECT FROM gone) THEN
            PERFORM pg_advisory_xact_lock({SAMPLES});
        END IF;
        IF EXISTS (SELECT FROM gone WHERE EXISTS (SELECT FROM dataset_members member WHERE member.sample_id = gone.id)) THEN
            RAISE foreign_key_violation USING MESSAGE = 'dataset_members.sample_id names a row that is not in learning_samples';
        END IF;"""  # noqa: S608  (our own number)
TRIGGERS = {
    "dataset_members_arrived": (
        ARRIVED,
        "AFTER INSERT ON dataset_members REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT",
    ),
    "dataset_members_changed": (CHANGED, "BEFORE UPDATE OF version_id, sample_id ON dataset_members FOR EACH ROW"),
    "dataset_versions_gone": (
        VERSIONS_GONE,
        "AFTER DELETE ON dataset_versions REFERENCING OLD TABLE AS gone FOR EACH STATEMENT",
    ),
    "learning_samples_gone": (
        SAMPLES_GONE,
        "AFTER DELETE ON learning_samples REFERENCING OLD TABLE AS gone FOR EACH STATEMENT",
    ),
}
"""Name → what it does, and when."""


def establish(schema_editor: Any) -> None:
    """Put these in the place of PostgreSQL's own foreign keys; may be run again. SQLite's stay as they are."""
    if schema_editor.connection.vendor != "postgresql":
        return
    with schema_editor.connection.cursor() as cursor:
        constraints = schema_editor.connection.introspection.get_constraints(cursor, "dataset_members")
    for name, facts in constraints.items():
        if facts["foreign_key"]:
            schema_editor.execute(f"ALTER TABLE dataset_members DROP CONSTRAINT {schema_editor.quote_name(name)}")
    for name, (body, when) in TRIGGERS.items():
        table = when.partition(" ON ")[2].split()[0]
        schema_editor.execute(_function(name, body), params=None)
        schema_editor.execute(f"DROP TRIGGER IF EXISTS {name} ON {table}", params=None)
        schema_editor.execute(f"CREATE TRIGGER {name} {when} EXECUTE FUNCTION {name}()", params=None)


def _function(name: str, body: str) -> str:
    """Walk indexes whatever the plan was made for: a plan is kept, and tables grow."""
    return (
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql "
        f"SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$\n"
        f"    BEGIN{body}\n        RETURN NULL;\n    END $$"
    )
