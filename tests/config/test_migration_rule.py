"""Migrations keep the release before alive: what is taken away must have been out of use for a release."""

import json

import pytest
from django.core.management import CommandError, call_command
from django.db import migrations, models
from django.db.migrations.state import ModelState, ProjectState

from config import migration_rule
from config.version import VERSION


def asked(*operations, **marks):
    """Answer what is said of a migration that does this to a table of two columns."""
    fields = [("id", models.BigAutoField(primary_key=True)), ("name", models.CharField(max_length=80, null=True))]
    before = ProjectState({("learning", "thing"): ModelState("learning", "Thing", fields)})
    kind = type("Migration", (migrations.Migration,), {"operations": list(operations), **marks})
    return list(migration_rule.complaints(kind("0099_thing", "learning"), before, {"0.1.0"}))


RULE = models.CheckConstraint(condition=models.Q(name__gt=""), name="thing_named")
FAULTS = {
    "takes away": [
        migrations.RemoveField("thing", "name"),
        migrations.RenameField("thing", "name", "title"),
        migrations.DeleteModel("Thing"),
        migrations.RenameModel("Thing", "Other"),
        migrations.AlterModelTable("thing", "others"),
    ],
    "does not write": [migrations.AddField("thing", "size", models.IntegerField(default=0))],
    "does not know": [migrations.AddConstraint("thing", RULE)],
    "required": [migrations.AlterField("thing", "name", models.CharField(max_length=80))],
    "shorter": [migrations.AlterField("thing", "name", models.CharField(max_length=8, null=True))],
    "takes for a CharField": [migrations.AlterField("thing", "name", models.IntegerField(null=True))],
}
FAULTY = [(sentence, operation) for sentence, operations in FAULTS.items() for operation in operations]


@pytest.mark.parametrize(("sentence", "operation"), FAULTY)
def test_what_the_release_before_cannot_live_with_is_said(sentence, operation):
    [said] = asked(operation)
    assert sentence in said
    assert "contract_of" in said
    assert asked(operation, contract_of="0.1.0") == []
    assert "no release" in asked(operation, contract_of="0.9.9")[0]


@pytest.mark.parametrize(
    "operation",
    [
        migrations.AddField("thing", "size", models.IntegerField(null=True)),
        migrations.AddField("thing", "size", models.IntegerField(db_default=0)),
        migrations.AlterField("thing", "name", models.CharField(max_length=200, null=True)),
        migrations.AlterField("thing", "name", models.TextField(null=True)),
        migrations.AddIndex("thing", models.Index(fields=["name"], name="thing_name")),
    ],
)
def test_what_only_adds_is_free(operation):
    assert asked(operation) == []


def test_a_table_that_is_new_may_have_any_rule():
    fields = [("id", models.BigAutoField(primary_key=True)), ("size", models.IntegerField())]
    new = migrations.CreateModel("Fresh", fields)
    assert asked(new, migrations.AddField("fresh", "more", models.IntegerField(default=1))) == []


def test_no_migration_since_the_last_release_breaks_the_rule():
    assert migration_rule.broken() == []


def test_a_release_is_marked_with_its_migrations_and_later_ones_are_held_against_it(tmp_path, monkeypatch):
    file = tmp_path / "releases.json"
    file.write_text("[]")
    monkeypatch.setattr(migration_rule, "FILE", file)
    with pytest.raises(CommandError, match="pyproject"):
        call_command("release", "99.0.0")
    call_command("release", VERSION)
    call_command("release", VERSION)
    [marked] = migration_rule.releases()
    assert set(marked.migrations) == set(migration_rule.APPS)
    assert migration_rule.broken() == []
    facts = json.loads(file.read_text())
    facts[0]["migrations"]["training"] = "0013_job_grid"  # as if what widened a column came with the next one
    file.write_text(json.dumps(facts))
    assert not [said for said in migration_rule.broken() if "0014_long_trust_versions" in said]
