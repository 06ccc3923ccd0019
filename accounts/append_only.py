"""The statements by which the database itself refuses to change the audit log."""

POSTGRESQL = [
    """
    CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'integrity_constraint_violation';
    END $$
    """,
    "CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE ON events FOR EACH ROW EXECUTE FUNCTION refuse_change()",
    "CREATE TRIGGER events_no_truncate BEFORE TRUNCATE ON events FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
]
SQLITE = [
    "CREATE TRIGGER events_no_update BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'events is append-only: UPDATE refused'); END",
    "CREATE TRIGGER events_no_delete BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'events is append-only: DELETE refused'); END",
]
UNDO = {
    "postgresql": ["DROP TRIGGER events_append_only ON events", "DROP TRIGGER events_no_truncate ON events"],
    "sqlite": ["DROP TRIGGER events_no_update", "DROP TRIGGER events_no_delete"],
}
DO = {"postgresql": POSTGRESQL, "sqlite": SQLITE}
