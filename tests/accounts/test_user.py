"""People and machines are added, invited, and come in."""

import json

import pytest
from django.core.management import CommandError, call_command

from accounts.actions import invitation, organization, user
from accounts.models import Event, Organization, Role, User
from core.errors import Conflict, Invalid, Refused
from tests import people

pytestmark = pytest.mark.django_db


def test_adduser_prints_a_link_that_logs_in_once(client, capsys):
    call_command("adduser", "New@Example.org", "--role", "annotator", "--json")
    answer = json.loads(capsys.readouterr().out)
    path = "/accounts/invitation/" + answer["link"].rsplit("/", 2)[1] + "/"
    assert client.get(path).status_code == 200
    assert "_auth_user_id" not in client.session, "a preview of the link must not spend it"
    assert client.post(path).status_code == 302
    assert client.session["_auth_user_id"] == str(answer["id"])
    client.logout()
    assert client.post(path).status_code == 422
    assert User.objects.get().email == "new@example.org"


def test_a_pipeline_is_made_without_a_link_and_comes_by_a_key(capsys):
    call_command("adduser", "trainer@example.org", "--role", "pipeline", "--json")
    assert "link" not in json.loads(capsys.readouterr().out)
    call_command("issuekey", "trainer@example.org", "--json")
    assert json.loads(capsys.readouterr().out)["key"].startswith("cc_")


def test_a_link_leads_to_where_it_should_and_never_elsewhere(client):
    ann = people.ann()
    link = invitation.invite(ann, by=None, leads_to="/review/")
    assert client.post(link.partition("/accounts")[1] + link.partition("/accounts")[2]).headers["Location"] == "/review/"
    al = people.al()
    link = invitation.invite(al, by=None, leads_to="https://example.com/")
    assert client.post("/accounts" + link.partition("/accounts")[2]).headers["Location"] == "/accounts/password/set/"


def test_a_forged_link_is_refused(client):
    assert client.get("/accounts/invitation/forged/").status_code == 422


def test_adding_someone_is_recorded():
    added = user.add("Zoe", role=Role.REVIEWER, by=people.ada(), email="zoe@example.org")
    assert Event.objects.about("accounts.user", added.pk).get().facts == {"role": "reviewer"}


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"role": "king"}, "no role king"),
        ({"role": Role.ANNOTATOR, "email": ""}, "e-mail"),
        ({"role": Role.ANNOTATOR, "email": "no address"}, "valid email"),
        ({"role": Role.MEMBER}, "belongs to an organization"),
    ],
)
def test_a_user_that_does_not_fit_is_refused(fields, sentence):
    with pytest.raises(Invalid, match=sentence):
        user.add("Zoe", by=None, **{"email": "zoe@example.org", **fields})
    assert not User.objects.exists()


def test_hub_staff_belong_to_no_organization():
    with pytest.raises(Invalid, match="belongs to no organization"):
        user.add("Zoe", role=Role.ANNOTATOR, by=None, email="zoe@example.org", organization=people.acme())


def test_a_name_is_taken_once():
    user.add("Zoe", role=Role.ANNOTATOR, by=None, email="zoe@example.org")
    with pytest.raises(Conflict):
        user.add("Zoe", role=Role.ANNOTATOR, by=None, email="zoe2@example.org")
    with pytest.raises(Conflict):
        user.add("Zoe 2", role=Role.ANNOTATOR, by=None, email="ZOE@example.org")


def test_only_super_admins_add_people():
    with pytest.raises(Refused):
        user.add("Zoe", role=Role.ANNOTATOR, by=people.rhea(), email="zoe@example.org")


def test_organizations_are_added_once(capsys):
    call_command("addorganization", "pune", "--plan", "enterprise")
    assert "pune" in capsys.readouterr().out
    with pytest.raises(CommandError, match="already"):
        call_command("addorganization", "pune")
    with pytest.raises(Invalid, match="no plan gold"):
        organization.add("mumbai", by=None, plan="gold")
    assert Organization.objects.get().limits.jobs_per_month == 10


def test_a_key_is_issued_and_revoked_by_command(capsys):
    people.ann()
    call_command("issuekey", "ann@example.org", "--json")
    prefix = json.loads(capsys.readouterr().out)["prefix"]
    call_command("revokekey", prefix, "--json")
    assert json.loads(capsys.readouterr().out)["revoked_at"]
    with pytest.raises(CommandError, match="no user"):
        call_command("issuekey", "nobody")
    with pytest.raises(CommandError, match="no organization"):
        call_command("adduser", "x@example.org", "--role", "member", "--organization", "none")
