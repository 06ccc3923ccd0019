from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('training', '0012_run_checkpoints'),
    ]

    operations = [
        migrations.AddField(
            model_name='trainingjob',
            name='grid',
            field=models.UUIDField(db_index=True, null=True),
        ),
    ]
