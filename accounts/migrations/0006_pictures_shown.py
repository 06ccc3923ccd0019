import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0005_event_seals'),
    ]

    operations = [
        migrations.CreateModel(
            name='ImageViews',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('day', models.DateField()),
                ('n', models.PositiveIntegerField()),
                ('user', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='image_views', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'pictures shown',
                'verbose_name_plural': 'pictures shown',
                'db_table': 'image_views',
                'indexes': [models.Index(fields=['day', 'user'], name='image_views_of_day')],
            },
        ),
    ]
