"""What was found out about object stores."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('learning', '0006_erasure_and_lifecycle'),
    ]

    operations = [
        migrations.CreateModel(
            name='StoreReport',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('check', 'Check'), ('reconcile', 'Reconcile')], max_length=20)),
                ('alias', models.CharField(max_length=40)),
                ('identity', models.CharField(max_length=400)),
                ('passed', models.BooleanField()),
                ('facts', models.JSONField(default=dict)),
                ('began_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'verbose_name': 'store report',
                'db_table': 'store_reports',
                'indexes': [models.Index(fields=['kind', 'identity', '-id'], name='store_report_newest')],
                'constraints': [models.CheckConstraint(condition=models.Q(('kind__in', ['check', 'reconcile'])), name='store_report_kind_known')],
            },
        ),
    ]
