import core.ids
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('learning', '0026_index_source_names'),
        ('training', '0009_video_frames'),
    ]

    operations = [
        migrations.AddField(
            model_name='modelversion',
            name='gate',
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.CreateModel(
            name='ModelEvaluation',
            fields=[
                ('id', models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('method', models.CharField(choices=[('split', 'Split'), ('folds', 'Folds')], default='split', max_length=10)),
                ('split', models.CharField(choices=[('train', 'Train'), ('validation', 'Validation'), ('test', 'Test')], max_length=10)),
                ('scores', models.JSONField(default=dict)),
                ('outcome_count', models.PositiveIntegerField(default=0)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('finished_at', models.DateTimeField(null=True)),
                ('dataset_version', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='scorings', to='training.datasetversion')),
                ('job', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='scorings', to='training.trainingjob')),
                ('model_version', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='scorings', to='training.modelversion')),
            ],
            options={
                'verbose_name': 'evaluation',
                'db_table': 'model_evaluations',
                'indexes': [
                    models.Index(fields=['model_version', 'dataset_version', 'split'], name='evaluation_of_version'),
                    models.Index(fields=['dataset_version', 'split'], name='evaluation_on_split'),
                ],
                'constraints': [
                    models.UniqueConstraint(fields=('job', 'method'), name='evaluation_once_per_job'),
                    models.CheckConstraint(condition=models.Q(('finished_at__isnull', True), ('model_version__isnull', False), _connector='OR'), name='evaluation_done_is_of_a_version'),
                ],
            },
        ),
        migrations.CreateModel(
            name='SampleOutcome',
            fields=[
                ('pk', models.CompositePrimaryKey('evaluation_id', 'sample_id', blank=True, editable=False, primary_key=True, serialize=False)),
                ('is_right', models.BooleanField()),
                ('score', models.FloatField()),
                ('truth', models.CharField(blank=True, max_length=120)),
                ('said', models.CharField(blank=True, max_length=120)),
                ('confidence', models.FloatField(null=True)),
                ('doubt', models.FloatField(null=True)),
                ('answer', models.JSONField(null=True)),
                ('evaluation', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='outcomes', to='training.modelevaluation')),
                ('sample', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='learning.learningsample')),
            ],
            options={
                'db_table': 'sample_outcomes',
                'indexes': [
                    models.Index(models.F('evaluation'), models.F('sample'), condition=models.Q(('is_right', False)), name='outcome_wrong'),
                    models.Index(models.F('evaluation'), models.OrderBy(models.F('doubt'), descending=True), condition=models.Q(('doubt__isnull', False)), name='outcome_suspected'),
                ],
            },
        ),
    ]
