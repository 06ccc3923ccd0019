import core.ids
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_events_append_only'),
        ('learning', '0026_index_source_names'),
        ('training', '0007_version_proofs'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='DatasetGrowth',
            fields=[
                ('id', models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('rule', 'Rule'), ('archive', 'Archive'), ('video', 'Video')], max_length=10)),
                ('source_name', models.CharField(blank=True, max_length=255)),
                ('options', models.JSONField(blank=True, default=dict)),
                ('state', models.CharField(choices=[('running', 'Running'), ('done', 'Done'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='running', max_length=10)),
                ('total', models.PositiveIntegerField(null=True)),
                ('position', models.BigIntegerField(default=0)),
                ('seen', models.PositiveIntegerField(default=0)),
                ('added', models.PositiveIntegerField(default=0)),
                ('known', models.PositiveIntegerField(default=0)),
                ('refused', models.JSONField(default=dict)),
                ('refusals', models.JSONField(default=list)),
                ('unseen', models.JSONField(default=list)),
                ('token', models.CharField(blank=True, max_length=32)),
                ('beat_at', models.DateTimeField(null=True)),
                ('faults', models.PositiveSmallIntegerField(default=0)),
                ('error_message', models.CharField(blank=True, max_length=500)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('finished_at', models.DateTimeField(null=True)),
            ],
            options={
                'verbose_name': 'growth',
                'db_table': 'dataset_growths',
            },
        ),
        migrations.CreateModel(
            name='DatasetSummary',
            fields=[
                ('dataset', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='summary', serialize=False, to='training.trainingdataset')),
                ('cells', models.JSONField(default=list)),
                ('bytes', models.BigIntegerField(default=0)),
                ('counted', models.PositiveIntegerField(default=0)),
                ('split_of', models.CharField(blank=True, max_length=40)),
                ('mark', models.CharField(blank=True, max_length=80)),
                ('counted_at', models.DateTimeField(null=True)),
                ('claimed_until', models.DateTimeField(null=True)),
            ],
            options={
                'verbose_name': 'summary',
                'db_table': 'training_dataset_summaries',
            },
        ),
        migrations.CreateModel(
            name='DatasetUpload',
            fields=[
                ('id', models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('purpose', models.CharField(choices=[('import', 'Import'), ('images', 'Images'), ('video', 'Video')], max_length=10)),
                ('file_name', models.CharField(max_length=255)),
                ('media_type', models.CharField(max_length=80)),
                ('size', models.BigIntegerField()),
                ('part_size', models.PositiveIntegerField()),
                ('client_key', models.CharField(blank=True, max_length=200)),
                ('options', models.JSONField(blank=True, default=dict)),
                ('alias', models.CharField(default='objects', max_length=40)),
                ('object_name', models.CharField(max_length=64)),
                ('store_upload', models.CharField(blank=True, max_length=1024)),
                ('state', models.CharField(choices=[('open', 'Open'), ('assembling', 'Assembling'), ('stored', 'Stored'), ('failed', 'Failed'), ('aborted', 'Aborted'), ('expired', 'Expired')], default='open', max_length=12)),
                ('sha256', models.CharField(blank=True, max_length=64)),
                ('token', models.CharField(blank=True, max_length=32)),
                ('beat_at', models.DateTimeField(null=True)),
                ('faults', models.PositiveSmallIntegerField(default=0)),
                ('error_message', models.CharField(blank=True, max_length=500)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('expires_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField(null=True)),
            ],
            options={
                'verbose_name': 'upload',
                'db_table': 'dataset_uploads',
            },
        ),
        migrations.CreateModel(
            name='SampleVerdict',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('truth_sha256', models.CharField(blank=True, max_length=64)),
                ('is_approval', models.BooleanField()),
                ('reason', models.CharField(blank=True, max_length=200)),
                ('quality_score', models.DecimalField(decimal_places=3, max_digits=4, null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'verbose_name': 'verdict',
                'db_table': 'training_sample_verdicts',
            },
        ),
        migrations.AddField(
            model_name='trainingdataset',
            name='verdicts_required',
            field=models.PositiveSmallIntegerField(default=1),
        ),
        migrations.AddField(
            model_name='trainingsample',
            name='claimed_by',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='trainingsample',
            name='claimed_until',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddIndex(
            model_name='trainingsample',
            index=models.Index(condition=models.Q(('is_labeled', True), ('is_verified', False), ('rejection_reason', '')), fields=['dataset', 'sample'], name='training_sample_to_verify'),
        ),
        migrations.AddConstraint(
            model_name='trainingdataset',
            constraint=models.CheckConstraint(condition=models.Q(('verdicts_required__gte', 1), ('verdicts_required__lte', 5)), name='dataset_verdicts_in_range'),
        ),
        migrations.AddField(
            model_name='datasetgrowth',
            name='city',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='learning.city'),
        ),
        migrations.AddField(
            model_name='datasetgrowth',
            name='created_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='datasetgrowth',
            name='dataset',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='growths', to='training.trainingdataset'),
        ),
        migrations.AddField(
            model_name='datasetgrowth',
            name='source',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='learning.storedobject'),
        ),
        migrations.AddField(
            model_name='datasetupload',
            name='created_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='datasetupload',
            name='dataset',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='uploads', to='training.trainingdataset'),
        ),
        migrations.AddField(
            model_name='datasetupload',
            name='object',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='learning.storedobject'),
        ),
        migrations.AddField(
            model_name='sampleverdict',
            name='by',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='sampleverdict',
            name='place',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='verdicts', to='training.trainingsample'),
        ),
        migrations.AddIndex(
            model_name='datasetgrowth',
            index=models.Index(fields=['dataset', '-created_at'], name='growth_of_dataset'),
        ),
        migrations.AddIndex(
            model_name='datasetgrowth',
            index=models.Index(condition=models.Q(('state', 'running')), fields=['created_at'], name='growth_running'),
        ),
        migrations.AddConstraint(
            model_name='datasetgrowth',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['running', 'done', 'failed', 'cancelled'])), name='growth_state_known'),
        ),
        migrations.AddConstraint(
            model_name='datasetgrowth',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['rule', 'archive', 'video'])), name='growth_kind_known'),
        ),
        migrations.AddConstraint(
            model_name='datasetgrowth',
            constraint=models.UniqueConstraint(condition=models.Q(('kind', 'rule'), ('state', 'running')), fields=('dataset',), name='growth_by_rule_once'),
        ),
        migrations.AddIndex(
            model_name='datasetupload',
            index=models.Index(condition=models.Q(('state__in', ['open', 'assembling'])), fields=['expires_at'], name='upload_unfinished'),
        ),
        migrations.AddConstraint(
            model_name='datasetupload',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['open', 'assembling', 'stored', 'failed', 'aborted', 'expired'])), name='upload_state_known'),
        ),
        migrations.AddConstraint(
            model_name='datasetupload',
            constraint=models.CheckConstraint(condition=models.Q(('purpose__in', ['import', 'images', 'video'])), name='upload_purpose_known'),
        ),
        migrations.AddConstraint(
            model_name='datasetupload',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'open'), models.Q(('client_key', ''), _negated=True)), fields=('dataset', 'created_by', 'client_key'), name='upload_of_a_file_once'),
        ),
        migrations.AddIndex(
            model_name='sampleverdict',
            index=models.Index(fields=['by', '-id'], name='verdict_of_person'),
        ),
        migrations.AddConstraint(
            model_name='sampleverdict',
            constraint=models.UniqueConstraint(fields=('place', 'by'), name='verdict_once_a_person'),
        ),
        migrations.AddConstraint(
            model_name='sampleverdict',
            constraint=models.CheckConstraint(condition=models.Q(('quality_score__isnull', True), models.Q(('quality_score__gte', 0), ('quality_score__lte', 1)), _connector='OR'), name='verdict_quality_in_range'),
        ),
    ]
