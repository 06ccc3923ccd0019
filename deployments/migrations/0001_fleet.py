"""Edges, rollouts, deployments."""

import core.ids
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_people_keys_events'),
        ('learning', '0001_learning_store'),
        ('training', '0001_datasets_jobs_models'),
    ]

    operations = [
        migrations.CreateModel(
            name='EdgeServer',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=120, unique=True)),
                ('platform', models.JSONField(blank=True, default=dict)),
                ('edge_version', models.CharField(blank=True, max_length=40)),
                ('runtime', models.JSONField(blank=True, default=dict)),
                ('group', models.CharField(blank=True, max_length=60)),
                ('labels', models.JSONField(blank=True, default=dict)),
                ('callback_url', models.CharField(blank=True, max_length=200)),
                ('telemetry', models.JSONField(blank=True, default=list)),
                ('attempt', models.PositiveIntegerField(default=1)),
                ('assignment_version', models.BigIntegerField(default=0)),
                ('assignment', models.BinaryField(null=True)),
                ('assignment_etag', models.CharField(blank=True, max_length=64)),
                ('assignment_expires_at', models.DateTimeField(null=True)),
                ('enrolled_at', models.DateTimeField(null=True)),
                ('last_seen_at', models.DateTimeField(null=True)),
                ('retired_at', models.DateTimeField(null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('city', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='learning.city')),
                ('organization', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
                ('user', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='edge_server', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'edge server',
                'db_table': 'edge_servers',
            },
        ),
        migrations.CreateModel(
            name='EnrolmentCode',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sha256', models.CharField(max_length=64, unique=True)),
                ('expires_at', models.DateTimeField()),
                ('used_at', models.DateTimeField(null=True)),
                ('key_sha256', models.CharField(blank=True, max_length=64)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('edge_server', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='codes', to='deployments.edgeserver')),
            ],
            options={
                'db_table': 'enrolment_codes',
            },
        ),
        migrations.CreateModel(
            name='Rollout',
            fields=[
                ('id', models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('state', models.CharField(choices=[('draft', 'Draft'), ('scheduled', 'Scheduled'), ('running', 'Running'), ('paused', 'Paused'), ('completed', 'Completed'), ('aborted', 'Aborted'), ('rolling_back', 'Rolling Back'), ('rolled_back', 'Rolled Back')], default='draft', max_length=14)),
                ('plan', models.JSONField(default=dict)),
                ('scheduled_at', models.DateTimeField(null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('started_at', models.DateTimeField(null=True)),
                ('finished_at', models.DateTimeField(null=True)),
                ('stopped_because', models.TextField(blank=True)),
                ('failures_accepted', models.PositiveIntegerField(default=0)),
                ('created_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('model_version', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='rollouts', to='training.modelversion')),
                ('organization', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
            ],
            options={
                'verbose_name': 'rollout',
                'db_table': 'rollouts',
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['draft', 'scheduled', 'running', 'paused', 'completed', 'aborted', 'rolling_back', 'rolled_back'])), name='rollout_state_known')],
            },
        ),
        migrations.CreateModel(
            name='RolloutWave',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('number', models.PositiveSmallIntegerField()),
                ('name', models.CharField(blank=True, max_length=60)),
                ('opened_at', models.DateTimeField(null=True)),
                ('finished_at', models.DateTimeField(null=True)),
                ('rollout', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='waves', to='deployments.rollout')),
            ],
            options={
                'db_table': 'rollout_waves',
                'constraints': [models.UniqueConstraint(fields=('rollout', 'number'), name='wave_number_once')],
            },
        ),
        migrations.CreateModel(
            name='ModelDeployment',
            fields=[
                ('id', models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('action', models.CharField(choices=[('install', 'Install'), ('rollback', 'Rollback')], default='install', max_length=10)),
                ('status', models.CharField(choices=[('pending', 'Pending'), ('downloading', 'Downloading'), ('installing', 'Installing'), ('completed', 'Completed'), ('failed', 'Failed'), ('superseded', 'Superseded'), ('rolled_back', 'Rolled Back')], default='pending', max_length=12)),
                ('attempt', models.PositiveIntegerField(default=1)),
                ('progress_percent', models.PositiveSmallIntegerField(default=0)),
                ('scheduled_at', models.DateTimeField(null=True)),
                ('started_at', models.DateTimeField(null=True)),
                ('completed_at', models.DateTimeField(null=True)),
                ('error_message', models.TextField(blank=True)),
                ('retry_count', models.PositiveIntegerField(default=0)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('created_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('edge_server', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='deployments', to='deployments.edgeserver')),
                ('model_version', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='deployments', to='training.modelversion')),
                ('module', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='learning.aimodule')),
                ('replaces', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='training.modelversion')),
                ('rollout', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='deployments', to='deployments.rollout')),
                ('wave', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='deployments', to='deployments.rolloutwave')),
            ],
            options={
                'verbose_name': 'deployment',
                'db_table': 'model_deployments',
                'indexes': [models.Index(fields=['edge_server', 'module', '-created_at'], name='deployment_edge'), models.Index(fields=['rollout', 'status'], name='deployment_rollout')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('status__in', ['downloading', 'installing', 'pending'])), fields=('edge_server', 'module'), name='deployment_one_open'), models.CheckConstraint(condition=models.Q(('status__in', ['pending', 'downloading', 'installing', 'completed', 'failed', 'superseded', 'rolled_back'])), name='deployment_status_known'), models.CheckConstraint(condition=models.Q(('progress_percent__lte', 100)), name='deployment_progress_in_range')],
            },
        ),
        migrations.CreateModel(
            name='EdgeSlot',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('desired_at', models.DateTimeField(null=True)),
                ('active_version', models.CharField(blank=True, max_length=40)),
                ('previous_version', models.CharField(blank=True, max_length=40)),
                ('reported_counter', models.BigIntegerField(null=True)),
                ('reported_at', models.DateTimeField(null=True)),
                ('held', models.BooleanField(default=False)),
                ('held_reason', models.CharField(blank=True, max_length=200)),
                ('telemetry', models.JSONField(blank=True, default=list)),
                ('telemetry_at', models.DateTimeField(null=True)),
                ('desired', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='training.modelversion')),
                ('edge_server', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='slots', to='deployments.edgeserver')),
                ('module', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='learning.aimodule')),
                ('desired_deployment', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='deployments.modeldeployment')),
            ],
            options={
                'db_table': 'edge_slots',
                'constraints': [models.UniqueConstraint(fields=('edge_server', 'module'), name='edge_slot_once_per_module')],
            },
        ),
        migrations.CreateModel(
            name='DeploymentReport',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('attempt', models.PositiveIntegerField()),
                ('seq', models.PositiveIntegerField()),
                ('status', models.CharField(max_length=12)),
                ('progress_percent', models.PositiveSmallIntegerField(default=0)),
                ('error_message', models.TextField(blank=True)),
                ('at', models.DateTimeField()),
                ('received_at', models.DateTimeField(auto_now_add=True)),
                ('deployment', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='reports', to='deployments.modeldeployment')),
            ],
            options={
                'db_table': 'deployment_reports',
                'constraints': [models.UniqueConstraint(fields=('deployment', 'attempt', 'seq'), name='report_once')],
            },
        ),
    ]
