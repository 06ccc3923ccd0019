"""Find judgements that blame the guide without reading the others."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("learning", "0019_selections_start_again")]

    operations = [
        migrations.AddIndex(
            model_name="hitllabel",
            index=models.Index(fields=["reason", "id"], condition=models.Q(reason="guide_unclear"), name="label_guide_unclear"),
        ),
    ]
