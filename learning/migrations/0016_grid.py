from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("learning", "0015_keys_and_nulls_by_statement"),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="reviewslot", name="slot_place_in_hand"),
        migrations.AddField(model_name="reviewslot", name="in_full", field=models.BooleanField(default=False)),
        migrations.AddConstraint(
            model_name="reviewslot",
            constraint=models.CheckConstraint(
                condition=models.Q(("place__gte", 1), ("place__lte", 51)), name="slot_place_held"
            ),
        ),
    ]
