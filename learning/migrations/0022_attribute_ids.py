from django.db import migrations


def number(apps, schema_editor):
    """Give each attribute of a module an id that is the same in all revisions, so that it can be renamed from now on."""
    ids = {}
    for schema in apps.get_model("learning", "LabelSchema").objects.order_by("module_id", "revision"):
        known = ids.setdefault(schema.module_id, {})
        for attribute in schema.attributes:
            attribute["id"] = known.setdefault(attribute["name"], len(known) + 1)
        if schema.attributes:
            schema.save(update_fields=["attributes"])


class Migration(migrations.Migration):

    dependencies = [
        ('learning', '0021_group_merges'),
    ]

    operations = [migrations.RunPython(number, migrations.RunPython.noop)]
