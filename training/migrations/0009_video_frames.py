import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('learning', '0026_index_source_names'),
        ('training', '0008_dataset_growth'),
    ]

    operations = [
        migrations.CreateModel(
            name='VideoFrame',
            fields=[
                ('sample', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to='learning.learningsample')),
                ('second', models.FloatField()),
                ('video', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='learning.storedobject')),
            ],
            options={
                'verbose_name': 'frame',
                'db_table': 'dataset_video_frames',
            },
        ),
    ]
