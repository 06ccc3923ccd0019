from django.db import migrations

SOON = "autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500, autovacuum_analyze_scale_factor = 0.02"


def vacuum_soon(apps, schema_editor):
    """A slot is written some three times in its life, and a claim walks over the rows that are dead until they are vacuumed."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"ALTER TABLE review_slots SET ({SOON})")


class Migration(migrations.Migration):
    dependencies = [("learning", "0022_attribute_ids")]

    operations = [migrations.RunPython(vacuum_soon, migrations.RunPython.noop)]
