"""Let the index that keeps sample ids unique find them by their beginning too. A few seconds for a million samples."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('learning', '0027_index_weights'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='learningsample',
            name='sample_id_once',
        ),
        migrations.AddConstraint(
            model_name='learningsample',
            constraint=models.UniqueConstraint(fields=('sample_id',), name='sample_id_once', opclasses=['varchar_pattern_ops']),
        ),
    ]
