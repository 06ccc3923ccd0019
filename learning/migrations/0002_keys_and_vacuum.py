"""What only PostgreSQL has: keys that are checked once a statement, and slots that are vacuumed soon."""

from django.db import migrations

from learning.set_wise_keys import establish

SOON = "autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500, autovacuum_analyze_scale_factor = 0.02"


def check_keys_by_statement(apps, schema_editor):
    """Put them in the place of the keys of 0001, which are there once it is done; may be run again."""
    establish(schema_editor)


def vacuum_soon(apps, schema_editor):
    """A slot is written some three times in its life, and a claim walks over the rows that are dead until they are vacuumed."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"ALTER TABLE review_slots SET ({SOON})")


class Migration(migrations.Migration):
    dependencies = [("learning", "0001_learning_store")]

    operations = [
        migrations.RunPython(check_keys_by_statement, migrations.RunPython.noop),
        migrations.RunPython(vacuum_soon, migrations.RunPython.noop),
    ]
