import sys
from array import array
from itertools import groupby

import core.ids
import django.db.models.deletion
from django.db import migrations, models

from training.member_keys import establish

CHUNK = 20_000


def pack_groups(apps, schema_editor):
    """Carry the groups of each version over, sorted into buckets by their low byte."""
    old, new = apps.get_model("training", "GroupSplit"), apps.get_model("training", "GroupSplitNew")
    for version in apps.get_model("training", "DatasetVersion").objects.values_list("pk", flat=True):
        buckets = {}
        rows = old.objects.filter(version=version).values_list("group_hash", "split")
        for number, split in rows.iterator(chunk_size=CHUNK):
            buckets.setdefault((number & 0xFF, split), array("q")).append(number)
        new.objects.bulk_create(
            (
                new(version_id=version, bucket=bucket, split=split, hashes=_packed(hashes))
                for (bucket, split), hashes in sorted(buckets.items())
            ),
            batch_size=64,
        )


def _packed(hashes):
    kept = array("q", [number for number, _ in groupby(sorted(hashes))])
    if sys.byteorder == "big":
        kept.byteswap()
    return kept.tobytes()


class Migration(migrations.Migration):

    dependencies = [
        ('learning', '0026_index_source_names'),
        ('training', '0006_dataset_export'),
    ]

    operations = [
        migrations.AddField(
            model_name='datasetversion',
            name='verification',
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name='datasetversion',
            name='verified_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='datasetversion',
            name='verify_asked_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='datasetversion',
            name='verify_beat_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='datasetversion',
            name='verify_done',
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='datasetversion',
            name='verify_objects',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='datasetversion',
            name='verify_token',
            field=models.CharField(blank=True, max_length=32),
        ),
        migrations.CreateModel(
            name='GroupSplitNew',
            fields=[
                ('pk', models.CompositePrimaryKey('version_id', 'bucket', 'split', blank=True, editable=False, primary_key=True, serialize=False)),
                ('bucket', models.PositiveSmallIntegerField()),
                ('split', models.CharField(choices=[('train', 'Train'), ('validation', 'Validation'), ('test', 'Test')], max_length=10)),
                ('hashes', models.BinaryField()),
                ('version', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='training.datasetversion')),
            ],
            options={'db_table': 'dataset_groups'},
        ),
        migrations.RunPython(pack_groups, migrations.RunPython.noop),
        migrations.DeleteModel(name='GroupSplit'),
        migrations.RenameModel(old_name='GroupSplitNew', new_name='GroupSplit'),
        migrations.AlterField(
            model_name='groupsplit',
            name='version',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='groups', to='training.datasetversion'),
        ),
        migrations.CreateModel(
            name='VersionComparison',
            fields=[
                ('id', models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('token', models.CharField(blank=True, max_length=32)),
                ('beat_at', models.DateTimeField(null=True)),
                ('done', models.PositiveIntegerField(default=0)),
                ('result', models.JSONField(null=True)),
                ('error_message', models.TextField(blank=True)),
                ('asked_at', models.DateTimeField(auto_now_add=True)),
                ('finished_at', models.DateTimeField(null=True)),
                ('after', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='training.datasetversion')),
                ('before', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='training.datasetversion')),
            ],
            options={
                'db_table': 'version_comparisons',
                'constraints': [models.UniqueConstraint(fields=('before', 'after'), name='version_comparison_once')],
            },
        ),
        migrations.RunPython(lambda apps, schema_editor: establish(schema_editor), migrations.RunPython.noop),
    ]
