"""Let the database refuse UPDATE, DELETE and TRUNCATE on the audit log."""

from typing import Any

from django.db import migrations

from accounts.append_only import DO, UNDO


def add_triggers(apps: Any, schema_editor: Any) -> None:
    for statement in DO[schema_editor.connection.vendor]:
        schema_editor.execute(statement, params=None)


def drop_triggers(apps: Any, schema_editor: Any) -> None:
    for statement in UNDO[schema_editor.connection.vendor]:
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_people_keys_events")]

    operations = [migrations.RunPython(add_triggers, drop_triggers)]
