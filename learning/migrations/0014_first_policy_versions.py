"""Write down the policy that each module has as its first version; how it judges does not change."""

from django.db import migrations


BEFORE = {
    "overlap": 1,
    "iou": 0.9,
    "double_share": 0.0,
    "city_labels": "check",
    "check_share": 0.1,
    "first_judgements": 200,
    "first_check_share": 0.0,
    "later_check_share": 0.0,
    "grid_full_share": 0.1,
    "adjudicators": "others",
    "hide_prediction": False,
    "gold_share": 0.0,
    "gold_retire_after": 50,
    "gold_threshold": 0.8,
    "gold_min": 20,
    "random_share": 0.0,
    "weights": {"base": 1.0, "uncertainty": 1.0, "rare_class": 1.0, "age": 1.0, "city_quota": 1.0},
}
"""How modules were judged until now: nobody was checked, nothing was drawn at random."""


def write_first_versions(apps, schema_editor):
    """Write each module's policy down whole, as its first version."""
    versions = apps.get_model("learning", "PolicyVersion")
    for module in apps.get_model("learning", "AiModule").objects.order_by("pk"):
        module.review_policy = {**BEFORE, **module.review_policy}
        module.save(update_fields=["review_policy"])
        versions.objects.create(module=module, version=1, terms=module.review_policy)


class Migration(migrations.Migration):
    dependencies = [("learning", "0013_review_policies_and_checks")]

    operations = [migrations.RunPython(write_first_versions, migrations.RunPython.noop)]
