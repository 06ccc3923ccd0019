from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0004_invitations_and_names_of_keys'),
    ]

    operations = [
        migrations.CreateModel(
            name='EventSeal',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('last_event', models.BigIntegerField(unique=True)),
                ('horizon', models.BigIntegerField(default=0)),
                ('events', models.PositiveIntegerField(default=0)),
                ('sha256', models.CharField(blank=True, max_length=64)),
                ('opened_at', models.DateTimeField(auto_now_add=True)),
                ('sealed_at', models.DateTimeField(null=True)),
            ],
            options={
                'verbose_name': 'seal',
                'db_table': 'event_seals',
                'constraints': [models.UniqueConstraint(models.Value(1), condition=models.Q(('sha256', '')), name='event_seal_one_open')],
            },
        ),
    ]
