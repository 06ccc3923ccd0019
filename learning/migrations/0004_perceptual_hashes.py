"""Near-duplicates by index, sealed batches verified in chunks by many workers, and discarded objects that surely go."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('learning', '0003_withdrawn_labels'),
    ]

    operations = [
        migrations.RemoveField(model_name='uploadbatch', name='claimed_until'),
        migrations.AddField(
            model_name='uploadbatch',
            name='verified_count',
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.CreateModel(
            name='DiscardedObject',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=64)),
                ('alias', models.CharField(default='objects', max_length=40)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('removed_at', models.DateTimeField(null=True)),
            ],
            options={
                'db_table': 'discarded_objects',
                'indexes': [models.Index(fields=['created_at'], name='discarded_since')],
            },
        ),
        migrations.CreateModel(
            name='VerificationChunk',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('first', models.BigIntegerField()),
                ('last', models.BigIntegerField()),
                ('claimed_until', models.DateTimeField(null=True)),
                ('batch', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='chunks', to='learning.uploadbatch')),
            ],
            options={
                'db_table': 'verification_chunks',
                'constraints': [models.UniqueConstraint(fields=('batch', 'first'), name='chunk_once')],
            },
        ),
        migrations.CreateModel(
            name='ImageFingerprint',
            fields=[
                ('object', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='fingerprint', serialize=False, to='learning.storedobject')),
                ('city', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='learning.city')),
                ('band_0', models.PositiveIntegerField()),
                ('band_1', models.PositiveIntegerField()),
                ('band_2', models.PositiveIntegerField()),
                ('band_3', models.PositiveIntegerField()),
                ('fine', models.BinaryField(max_length=32)),
                ('aspect', models.FloatField()),
                ('root', models.UUIDField()),
            ],
            options={
                'db_table': 'image_fingerprints',
                'indexes': [
                    models.Index(fields=['band_0', 'city'], name='fingerprint_band_0'),
                    models.Index(fields=['band_1', 'city'], name='fingerprint_band_1'),
                    models.Index(fields=['band_2', 'city'], name='fingerprint_band_2'),
                    models.Index(fields=['band_3', 'city'], name='fingerprint_band_3'),
                    models.Index(fields=['root'], name='fingerprint_root'),
                ],
            },
        ),
    ]
