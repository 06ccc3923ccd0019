import core.ids
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_events_append_only'),
        ('learning', '0027_index_weights'),
        ('training', '0014_long_trust_versions'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='ModelRegistration',
            fields=[
                ('id', models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('user_id', models.CharField(blank=True, max_length=120)),
                ('version', models.CharField(blank=True, max_length=40)),
                ('name', models.CharField(max_length=120)),
                ('description', models.TextField(blank=True)),
                ('source', models.CharField(max_length=500)),
                ('licence', models.TextField()),
                ('notes', models.TextField(blank=True)),
                ('config', models.JSONField(blank=True, default=dict)),
                ('file_name', models.CharField(max_length=255)),
                ('size', models.BigIntegerField()),
                ('md5', models.CharField(max_length=32)),
                ('sha256', models.CharField(blank=True, max_length=64)),
                ('alias', models.CharField(default='objects', max_length=40)),
                ('object_name', models.CharField(blank=True, max_length=64)),
                ('state', models.CharField(choices=[('open', 'Open'), ('checking', 'Checking'), ('registered', 'Registered'), ('failed', 'Failed'), ('cancelled', 'Cancelled'), ('expired', 'Expired')], default='open', max_length=10)),
                ('token', models.CharField(blank=True, max_length=32)),
                ('beat_at', models.DateTimeField(null=True)),
                ('faults', models.PositiveSmallIntegerField(default=0)),
                ('error_message', models.TextField(blank=True)),
                ('answers', models.JSONField(blank=True, default=list)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('expires_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField(null=True)),
                ('created_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('model_version', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='registration', to='training.modelversion')),
                ('module', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='learning.aimodule')),
                ('organization', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
            ],
            options={
                'verbose_name': 'registration',
                'db_table': 'model_registrations',
                'indexes': [models.Index(condition=models.Q(('state__in', ['open', 'checking'])), fields=['expires_at'], name='registration_unfinished')],
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['open', 'checking', 'registered', 'failed', 'cancelled', 'expired'])), name='registration_state_known'), models.CheckConstraint(condition=models.Q(models.Q(('model_version__isnull', False), ('state', 'registered')), models.Q(models.Q(('state', 'registered'), _negated=True), ('model_version__isnull', True)), _connector='OR'), name='registration_has_its_version')],
            },
        ),
    ]
