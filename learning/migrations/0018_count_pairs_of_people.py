"""Let all judgements be counted again, for who agrees with whom; what pages show stays until then."""

from django.db import migrations


def count_again(apps, schema_editor):
    apps.get_model("learning", "QualityStretch").objects.update(counted_at=None)


class Migration(migrations.Migration):
    dependencies = [("learning", "0017_counts_of_pairs_of_people")]

    operations = [migrations.RunPython(count_again, migrations.RunPython.noop)]
