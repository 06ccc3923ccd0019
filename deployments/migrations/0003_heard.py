from django.db import migrations, models


class Migration(migrations.Migration):
    """What a heartbeat said last is known again by its hash."""

    dependencies = [("deployments", "0002_plans_and_telemetry")]

    operations = [
        migrations.AddField("edgeserver", "heard_sha256", models.CharField(blank=True, max_length=64)),
    ]
