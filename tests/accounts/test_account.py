"""The own account: where one is logged in, tokens of the phone; and the links that let people in."""

from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import sessions
from accounts.actions import access_key, token
from accounts.actions import invitation as invitation_verbs
from accounts.actions import user as user_verbs
from accounts.api.authentication import authenticate_header
from accounts.browsers import known_as
from accounts.models import AccessKey, Event, Invitation, Role
from accounts.policy import Permission, is_allowed
from core.errors import Conflict, Invalid, Missing, Refused
from tests import people
from tests.pages import looking, said, text_of

pytestmark = pytest.mark.django_db
SECRET = "correct horse battery"


def coming_in(person, agent="Firefox"):
    """Answer a browser that came in by a one-time link."""
    browser = Client(headers={"User-Agent": agent})
    browser.post("/accounts/" + invitation_verbs.invite(person, by=None).split("/accounts/")[1])
    return browser


def test_sessions_are_listed_and_ended_one_by_one(client):
    ann = people.ann()
    here, there = coming_in(ann, "Firefox"), coming_in(ann, "Chrome")
    page = text_of(here.get(reverse("people:account")))
    assert "Firefox" in page
    assert "Chrome" in page
    other = UserSession.objects.get(user_agent="Chrome")
    here.post(reverse("people:session-end", args=[other.pk]))
    assert there.get("/").status_code == 302
    assert here.get("/").status_code == 200
    assert Event.objects.get(verb="end_session").facts == {"sessions": 1}


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox, Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36 Edg/142.0",
            "Edge, Windows",
        ),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18.0 Safari/604.1", "Safari, iPhone"),
        ("curl/8.5", "curl/8.5"),
        ("", ""),
    ],
)
def test_a_browser_is_called_what_people_call_it(said, name):
    assert known_as(said) == name


def test_all_others_are_ended_at_once():
    ann = people.ann()
    here, *others = [coming_in(ann) for _ in range(3)]
    here.post(reverse("people:sessions-end"))
    assert here.get("/").status_code == 200
    assert {each.get("/").status_code for each in others} == {302}


def test_another_persons_session_is_not_there():
    mine = coming_in(people.ann())
    coming_in(people.al())
    other = UserSession.objects.get(user=people.al())
    assert mine.post(reverse("people:session-end", args=[other.pk])).status_code == 404
    assert UserSession.objects.filter(pk=other.pk).exists()


def test_when_a_session_was_last_seen_is_written_once_a_minute(monkeypatch, django_assert_num_queries):
    browser = coming_in(people.ann())
    UserSession.objects.update(last_seen_at=timezone.now() - timedelta(hours=1))
    seen = sessions.SeenMiddleware(lambda request: None)
    key = browser.session.session_key
    with django_assert_num_queries(0):
        seen._see(key)
    monkeypatch.setattr(sessions, "SEEN_EVERY", 0.0)
    seen._see(key)
    assert timezone.now() - UserSession.objects.get().last_seen_at < timedelta(minutes=1)


def test_a_token_may_look_at_the_status_and_nothing_else():
    ada = people.ada()
    key, text = token.issue(by=ada, name="My phone", days=30)
    holder, _ = authenticate_header(f"Bearer {text}")
    assert [permission for permission in Permission if is_allowed(holder, permission)] == [Permission.VIEW_STATUS]
    assert is_allowed(ada, Permission.RELEASE_MODEL)
    headers = {"Authorization": f"Bearer {text}"}
    assert Client().get("/api/v1/training/models/", headers=headers).status_code == 403
    token.revoke(key.prefix, by=ada)
    token.revoke(key.prefix, by=ada)
    assert access_key.authenticate(text) is None


def test_a_token_is_shown_once_and_is_ones_own():
    ada = looking(people.ada())
    page = text_of(ada.post(reverse("people:token-issue"), {"name": "My phone", "days": 30}))
    key = AccessKey.objects.get()
    assert f"cc_{key.prefix}_" in page
    assert f"cc_{key.prefix}_…" in text_of(ada.get(reverse("people:account")))
    with pytest.raises(Missing):
        token.revoke(key.prefix, by=people.bo())
    assert "Days" in text_of(ada.post(reverse("people:token-issue"), {"name": "x", "days": 0}))
    ada.post(reverse("people:token-revoke", args=[key.prefix]))
    key.refresh_from_db()
    assert key.revoked_at


def test_tokens_are_few_and_for_those_who_may_look():
    with pytest.raises(Refused):
        token.issue(by=people.ann(), name="x", days=1)
    for _ in range(token.MOST):
        token.issue(by=people.ada(), name="x", days=1)
    with pytest.raises(Conflict, match="revoke one"):
        token.issue(by=people.ada(), name="x", days=1)
    with pytest.raises(Invalid):
        token.issue(by=people.ada(), name="x", days=0)
    assert "Tokens for your phone" not in text_of(looking(people.ann()).get("/accounts/"))


def test_a_link_ends_after_a_week_when_it_is_revoked_and_with_its_person(client):
    ann, ada = people.ann(), people.ada()
    paths = ["/accounts/" + invitation_verbs.invite(ann, by=ada).split("/accounts/")[1] for _ in range(3)]
    old, revoked, _last = Invitation.objects.order_by("pk")
    Invitation.objects.filter(pk=old.pk).update(expires_at=timezone.now())
    invitation_verbs.revoke(revoked, by=ada)
    invitation_verbs.revoke(revoked, by=ada)
    assert [client.post(path).status_code for path in paths[:2]] == [422, 422]
    user_verbs.deactivate(ann, by=ada)
    assert client.post(paths[2]).status_code == 422
    with pytest.raises(Invalid, match="may not log in"):
        invitation_verbs.invite(ann, by=ada)


def test_a_link_ends_the_password_that_was_forgotten(client):
    dee = user_verbs.add("Dee", role=Role.ANNOTATOR, by=None, email="dee@example.org", password=SECRET)
    browser = coming_in(dee)
    wrong = client.post("/accounts/login/", {"login": dee.email, "password": SECRET})
    assert "not correct" in text_of(wrong)
    new = "another long sentence"
    assert browser.post("/accounts/password/set/", {"password1": new, "password2": new}).url == "/accounts/"
    assert client.post("/accounts/login/", {"login": dee.email, "password": new}).status_code == 302


def test_a_used_link_cannot_be_revoked_and_machines_get_none():
    coming_in(people.ann())
    with pytest.raises(Conflict, match="used already"):
        invitation_verbs.revoke(Invitation.objects.get(), by=people.ada())
    machine = user_verbs.add("city", role=Role.CITY, by=None)
    with pytest.raises(Invalid, match="machine"):
        invitation_verbs.invite(machine, by=people.ada())


def test_the_log_in_names_a_super_admin_where_others_have_mail(client):
    assert reverse("people:forgotten") in text_of(client.get("/accounts/login/"))
    assert "sends no mail" in text_of(client.get("/accounts/password/reset/"))
    for path in ("password/reset/done/", "password/reset/key/1-x/", "email/", "confirm-email/", "confirm-email/x/"):
        assert client.get(f"/accounts/{path}").status_code == 404, path


def test_the_last_super_admin_comes_in_by_a_command(capsys):
    people.ada()
    call_command("invite", "ADA@example.org", "--reset-factors")
    assert "/accounts/invitation/" in capsys.readouterr().out
    with pytest.raises(CommandError, match="no user"):
        call_command("invite", "nobody@example.org")


def test_sessions_are_said_on_the_page_they_lead_back_to():
    browser = coming_in(people.ann())
    assert "You are logged in here only." in said(browser.post(reverse("people:sessions-end"), follow=True))
