"""Modules and cities: made by verb and by command, refused with a sentence."""

import json

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Event, Role, User
from core.errors import Conflict, Invalid, Refused
from learning.actions import city, module
from learning.models import AiModule, City, LabelSchema
from learning.models.module import ReviewPolicy
from tests import people

pytestmark = pytest.mark.django_db


def test_a_module_begins_with_the_first_revision_of_its_schema():
    made = module.add(
        "vehicles", by=people.ada(), name="Vehicles", task="classification", labels=["car", {"name": "bus", "color": "#fff"}]
    )
    schema = LabelSchema.objects.get()
    assert (schema.module, schema.revision, made.schema.names) == (made, 1, ["car", "bus"])
    assert [(label["id"], label["shortcut"]) for label in schema.labels] == [(1, "1"), (2, "2")]
    assert schema.labels[1]["color"] == "#fff"


@pytest.mark.parametrize(
    "wrong",
    [
        {"slug": "Big Letters"},
        {"task": "prophecy"},
        {"labels": ["car", "car"]},
        {"labels": ["x" * 61]},
        {"labels": [{"name": "car", "shortcut": "n"}]},
        {"labels": [{"name": "car", "shortcut": "c"}, {"name": "cat", "shortcut": "C"}]},
        {"labels": [{"name": "car", "shortcut": "/"}]},
        {"labels": [{"name": "car", "color": "javascript:"}]},
        {"labels": [{"name": "car", "id": 3}]},
        {"text": {"pattern": "(a+)+"}},
        {"text": {"unreadable": "x"}},
        {"attributes": [{"name": "kind", "type": "select"}]},
        {"labels": [7]},
        {"labels": {"a": 1}},
        {"text": {"pattern": "("}},
        {"text": {"normalise": "magic"}},
        {"text": {"max_length": 0}},
        {"text": {"speed": 1}},
        {"attributes": [{"name": "night", "type": "mood"}]},
        {"reasons": [""]},
        {"review_policy": {"overlap": 0}},
        {"review_policy": {"city_labels": "never"}},
        {"review_policy": {"check_share": 2}},
        {"review_policy": {"quorum": 1}},
    ],
)
def test_a_schema_that_makes_no_sense_is_invalid(wrong):
    facts = {"slug": "vehicles", "name": "V", "task": "classification", **wrong}
    with pytest.raises(Invalid):
        module.add(facts.pop("slug"), by=None, **facts)
    assert not AiModule.objects.exists()


def test_a_slug_is_taken_once_and_only_by_who_may():
    module.add("vehicles", by=None, name="", task="text")
    with pytest.raises(Conflict):
        module.add("vehicles", by=None, name="", task="text")
    with pytest.raises(Refused):
        module.add("plates", by=people.rhea(), name="", task="text")


def test_a_module_is_revised_and_twice_is_once():
    made = module.add("vehicles", by=None, name="Vehicles", task="classification")
    revised = module.revise(made, by=people.ada(), name=" Cars ", accepts_unlabelled=True, min_quality=0.5)
    assert (revised.name, revised.accepts_unlabelled, revised.min_quality) == ("Cars", True, 0.5)
    module.revise(made, by=people.ada(), name="Cars")
    assert Event.objects.filter(verb="revise").count() == 1
    for wrong in ({"name": "x" * 121}, {"accepts_unlabelled": 1}, {"min_quality": 2}, {"min_quality": True}):
        with pytest.raises(Invalid):
            module.revise(made, by=people.ada(), **wrong)
    with pytest.raises(Refused):
        module.revise(made, by=people.rhea(), name="Mine")


def test_the_share_of_checks_is_drawn_evenly_and_always_the_same():
    policy = ReviewPolicy(city_labels="check", check_share=0.2)
    drawn = [policy.picks(f"s-{number}") for number in range(2_000)]
    assert 300 < sum(drawn) < 500
    assert drawn == [policy.picks(f"s-{number}") for number in range(2_000)]
    assert not any(ReviewPolicy(city_labels="trust").picks(f"s-{number}") for number in range(50))
    assert all(ReviewPolicy(city_labels="review").picks(f"s-{number}") for number in range(50))


def test_a_city_comes_with_its_machine_user():
    made = city.add("city_pune", by=people.ada(), organization=people.acme(), timezone="Asia/Kolkata")
    assert (made.user.name, made.user.role, made.user.organization) == ("city_pune", Role.CITY, people.acme())
    with pytest.raises(Conflict):
        city.add("city_pune", by=None)
    with pytest.raises(Refused):
        city.add("city_goa", by=people.rhea())
    for wrong in ({"slug": "hub"}, {"slug": "City Goa"}, {"slug": "city_goa", "timezone": "Mars/Olympus"}):
        with pytest.raises(Invalid):
            city.add(wrong.pop("slug"), by=None, **wrong)


def test_the_hub_itself_is_a_city_made_once():
    assert city.hub() == city.hub()
    assert City.objects.get().slug == "hub"


def test_addmodule_reads_its_schema_from_a_file(tmp_path, capsys):
    schema = tmp_path / "schema.json"
    schema.write_text(json.dumps({"labels": ["0", "1"], "reasons": ["blurred"], "review_policy": {"overlap": 2}}))
    call_command("addmodule", "digits", "--task", "classification", "--schema", str(schema), "--json")
    told = json.loads(capsys.readouterr().out)
    assert (told["slug"], told["labels"]) == ("digits", ["0", "1"])
    assert AiModule.objects.get().policy.overlap == 2
    schema.write_text("[]")
    with pytest.raises(CommandError, match="one object"):
        call_command("addmodule", "other", "--task", "classification", "--schema", str(schema))
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("addmodule", "other", "--task", "classification", "--schema", str(tmp_path / "none.json"))


def test_addmodule_reads_another_tools_file(tmp_path, capsys):
    export = tmp_path / "data.yaml"
    export.write_text("names: [plate, 車]\nkpt_shape: [4, 2]\n")
    call_command("addmodule", "plates", "--from", str(export), "--json")
    told = json.loads(capsys.readouterr().out)
    assert (told["task"], told["labels"], len(told["notes"])) == ("detection", ["plate", "車"], 1)
    export.write_text("nc: 2")
    with pytest.raises(CommandError, match="has names"):
        call_command("addmodule", "other", "--from", str(export))
    schema = tmp_path / "schema.json"
    schema.write_text("{}")
    with pytest.raises(CommandError, match="--task"):
        call_command("addmodule", "other", "--schema", str(schema))


def test_addcity_makes_a_city_of_an_organization(capsys):
    people.acme()
    call_command("addcity", "city_pune", "--organization", "acme", "--timezone", "Asia/Kolkata", "--json")
    assert json.loads(capsys.readouterr().out)["slug"] == "city_pune"
    assert City.objects.get().organization == people.acme()
    assert User.objects.get(name="city_pune").is_machine
    with pytest.raises(CommandError, match="no organization"):
        call_command("addcity", "city_goa", "--organization", "none")
    with pytest.raises(CommandError, match="already"):
        call_command("addcity", "city_pune")
