"""Second factors: set up, asked for, required of super admins, taken away; and what the log says of it."""

import pytest
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.urls import reverse

from accounts.actions import access_key
from accounts.actions import invitation as invitation_verbs
from accounts.actions import user as user_verbs
from accounts.models import Event, Role
from core.errors import Refused
from tests import people
from tests.accounts.factors import app_of, code, codes_of, factors
from tests.pages import looking, text_of

pytestmark = pytest.mark.django_db
SECRET = "correct horse battery"
LOGIN, STEP = "/accounts/login/", "/accounts/2fa/authenticate/"


@pytest.fixture(autouse=True)
def _no_limits_of_another_test():
    cache.clear()


@pytest.fixture
def eve():
    return user_verbs.add("Eve", role=Role.SUPER_ADMIN, by=None, email="eve@example.org", password=SECRET)


@pytest.fixture
def required(settings):
    settings.MFA_REQUIRED_FOR_SUPER_ADMINS = True


def logged_in(client, secret=None):
    answer = client.post(LOGIN, {"login": "eve@example.org", "password": SECRET})
    return client.post(STEP, {"code": code(secret)}) if secret else answer


def done(verb):
    return Event.objects.filter(verb=verb).count()


def test_who_has_an_app_gets_in_by_its_code_only(eve, client):
    secret = app_of(eve)
    assert logged_in(client).url == STEP
    assert client.get("/").status_code == 302
    assert "Incorrect code" in text_of(client.post(STEP, {"code": "000000"}))
    assert client.post(STEP, {"code": code(secret)}).url == "/"
    assert client.get("/").status_code == 200
    event = Event.objects.get(verb="log_in")
    assert event.facts == {"ways": ["mfa", "password"]}
    assert done("fail_second_factor") == 1


def test_a_recovery_code_lets_in_once(eve, client):
    app_of(eve)
    spare = codes_of(eve)[0]
    for status in (302, 200):
        logged_in(client)
        assert client.post(STEP, {"code": spare}).status_code == status
        client.post(reverse("account_logout"))


def test_an_app_is_set_up_by_its_code_and_gives_recovery_codes(eve, client, django_capture_on_commit_callbacks):
    logged_in(client)
    asked = client.get(reverse("mfa_activate_totp"), follow=True)
    assert "password" in text_of(asked).lower()
    page = client.post(asked.redirect_chain[-1][0], {"password": SECRET}, follow=True)
    assert "data:image/svg+xml" in text_of(page)
    secret = page.context["form"].secret
    wrong = client.post(reverse("mfa_activate_totp"), {"code": "000000"})
    assert "Incorrect code" in text_of(wrong)
    with django_capture_on_commit_callbacks(execute=True):
        codes = client.post(reverse("mfa_activate_totp"), {"code": code(secret)}, follow=True)
    assert codes.status_code == 200
    assert factors(eve) == {"totp", "recovery_codes"}
    assert Event.objects.filter(verb="add_factor", object_id=str(eve.pk)).exists()


def test_secrets_are_not_readable_in_the_database(eve):
    secret = app_of(eve)
    codes_of(eve)
    stored = str(list(Authenticator.objects.values("data")))
    assert secret not in stored
    assert stored.count("gAAAA") == 2


def test_a_link_does_not_stand_in_for_the_second_factor(eve, client):
    app_of(eve)
    path = "/accounts/" + invitation_verbs.invite(eve, by=None).split("/accounts/")[1]
    assert client.post(path).url == STEP
    assert client.get("/").status_code == 302


def test_a_super_admin_without_one_can_do_nothing_else(eve, client, required):
    logged_in(client)
    for path in ("/", "/samples/", "/accounts/", "/accounts/users/"):
        assert client.get(path).url == reverse("mfa_index"), path
    assert client.post(reverse("people:user-invite"), {"name": "X"}).url == reverse("mfa_index")
    for path in ("/api/v1/training/models/", "/api/v1/learning/samples/"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:command-centre:second_factor_owed"), path
    assert client.get(reverse("mfa_index")).status_code == 200


def test_who_set_it_up_goes_on_and_cannot_take_it_away(eve, client, required):
    secret = app_of(eve)
    logged_in(client, secret)
    assert client.get("/").status_code == 200
    assert client.get("/api/v1/training/models/").status_code == 200
    page = client.get(reverse("mfa_deactivate_totp"), follow=True)
    client.post(page.redirect_chain[-1][0], {"password": SECRET})
    refused = client.post(reverse("mfa_deactivate_totp"))
    assert "cannot deactivate" in text_of(refused)
    assert "totp" in factors(eve)


def test_a_session_from_before_must_show_it(eve, client, required):
    secret = app_of(eve)
    old = looking(eve)
    asked = old.get("/samples/")
    assert asked.url.startswith(reverse("mfa_reauthenticate"))
    assert old.post(asked.url, {"code": code(secret), "next": "/samples/"}).url == "/samples/"
    assert old.get("/samples/").status_code == 200


@pytest.mark.parametrize("page", ["mfa_index", "mfa_add_webauthn", "mfa_generate_recovery_codes", "mfa_deactivate_totp"])
def test_a_password_alone_adds_no_other_factor_to_those_there_are(eve, required, page):
    app_of(eve)
    old = looking(eve)
    old.post(reverse("account_reauthenticate"), {"password": SECRET})
    for answer in (old.get(reverse(page)), old.post(reverse(page))):
        assert answer.url.startswith(reverse("mfa_reauthenticate")), page


def test_others_and_keys_are_not_asked(eve, client, required):
    assert looking(people.ann()).get("/").status_code == 200
    _, text = access_key.issue(eve, by=None)
    headers = {"Authorization": f"Bearer {text}"}
    assert client.get("/api/v1/training/models/", headers=headers).status_code == 200


def test_wrong_passwords_are_slowed_and_leave_no_typed_text(eve, client):
    for _ in range(5):
        client.post(LOGIN, {"login": "eve@example.org", "password": "wrong-and-typed"})
    slowed = client.post(LOGIN, {"login": "eve@example.org", "password": SECRET})
    assert "Too many failed login attempts" in text_of(slowed)
    client.post(LOGIN, {"login": "nobody-typed@example.org", "password": "wrong-and-typed"})
    events = str(list(Event.objects.values()))
    assert done("fail_log_in") == 5
    assert "typed" not in events


def test_wrong_codes_are_slowed(eve, client):
    secret = app_of(eve)
    logged_in(client)
    for _ in range(5):
        client.post(STEP, {"code": "000000"})
    assert "Too many" in text_of(client.post(STEP, {"code": code(secret)}))


def test_a_super_admin_takes_a_lost_one_away_and_the_sessions_end(eve, client):
    logged_in(client, app_of(eve))
    codes_of(eve)
    assert user_verbs.reset_factors(eve, by=people.ada()) == 2
    assert client.get("/").status_code == 302
    assert done("reset_factors") == 1
    assert user_verbs.reset_factors(eve, by=people.ada()) == 0
    with pytest.raises(Refused, match="Another super admin"):
        user_verbs.reset_factors(eve, by=eve)


def test_too_many_tries_from_one_address_are_answered_in_our_look(client, settings):
    settings.ACCOUNT_RATE_LIMITS = {"login": "1/m/ip"}
    client.post(LOGIN, {"login": "eve@example.org", "password": "x"})
    slowed = client.post(LOGIN, {"login": "eve@example.org", "password": "x"})
    assert slowed.status_code == 429
    assert "Wait a minute" in text_of(slowed)
