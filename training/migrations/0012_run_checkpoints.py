import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('learning', '0026_index_source_names'),
        ('training', '0011_signing_requests'),
    ]

    operations = [
        migrations.AddField(
            model_name='trainingrun',
            name='is_counted',
            field=models.BooleanField(default=True),
        ),
        migrations.CreateModel(
            name='RunCheckpoint',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('step', models.PositiveIntegerField()),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('job', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='checkpoints', to='training.trainingjob')),
                ('object', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='learning.storedobject')),
                ('run', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='training.trainingrun')),
            ],
            options={
                'verbose_name': 'checkpoint',
                'db_table': 'training_checkpoints',
            },
        ),
    ]
