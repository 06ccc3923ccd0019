"""Give every leased slot back before each has a place in its person's hand."""

from django.db import migrations


def give_leases_back(apps, schema_editor):
    """Give every leased slot back, for each now has a place in its person's hand; a decision on one still counts as its own."""
    leased = apps.get_model("learning", "ReviewSlot").objects.filter(state="leased")
    leased.update(state="open", lease_user=None, lease_until=None, leased_at=None)


class Migration(migrations.Migration):
    dependencies = [("learning", "0011_gold_and_quality")]

    operations = [migrations.RunPython(give_leases_back, migrations.RunPython.noop)]
