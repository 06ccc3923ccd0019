from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('learning', '0026_index_source_names'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='hitllabel',
            index=models.Index(condition=models.Q(('confidence_override__isnull', False)), fields=['sample', 'id'], name='label_weight'),
        ),
    ]
