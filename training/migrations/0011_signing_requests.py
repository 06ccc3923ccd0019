import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('training', '0010_model_evaluations'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='SigningRequest',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('state', models.CharField(choices=[('open', 'Open'), ('published', 'Published'), ('superseded', 'Superseded')], default='open', max_length=10)),
                ('asks', models.JSONField(default=list)),
                ('signed', models.JSONField(blank=True, default=list)),
                ('opened_at', models.DateTimeField(auto_now_add=True)),
                ('closed_at', models.DateTimeField(null=True)),
                ('asked_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'signing request',
                'db_table': 'trust_signing_requests',
                'constraints': [models.UniqueConstraint(condition=models.Q(('state', 'open')), fields=('state',), name='signing_one_open'), models.CheckConstraint(condition=models.Q(('state__in', ['open', 'published', 'superseded'])), name='signing_state_known')],
            },
        ),
        migrations.RemoveConstraint(
            model_name='trustdocument',
            name='trust_role_known',
        ),
        migrations.AlterField(
            model_name='trustdocument',
            name='role',
            field=models.CharField(max_length=20),
        ),
        migrations.AddConstraint(
            model_name='trustdocument',
            constraint=models.CheckConstraint(condition=models.Q(('role__in', ['root', 'targets', 'snapshot', 'timestamp', 'assignments']), ('role__startswith', 'org-'), _connector='OR'), name='trust_role_known'),
        ),
        migrations.AddField(
            model_name='modelversion',
            name='withdrawal_asked_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='modelversion',
            name='withdrawal_asked_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='modelversion',
            name='withdrawn_at',
            field=models.DateTimeField(null=True),
        ),
    ]
