"""Coming in: by password, or by the one-time link; going out; and what strangers find closed."""

import pytest
from django.urls import reverse

from accounts.actions import invitation as invitation_verbs
from accounts.actions import user as user_verbs
from accounts.models import Role
from tests import people
from tests.pages import looking, text_of

pytestmark = pytest.mark.django_db
SECRET = "correct horse battery"


@pytest.fixture
def dee():
    return user_verbs.add("Dee", role=Role.ANNOTATOR, by=None, email="dee@example.org", password=SECRET)


def path_of(user, **options):
    return "/" + invitation_verbs.invite(user, by=None, **options).split("/", 3)[3]


def test_a_person_logs_in_by_address_and_password(dee, client):
    response = client.post(reverse("account_login"), {"login": "Dee@example.org", "password": SECRET}, follow=True)
    assert "Hello Dee" in text_of(response)


def test_a_wrong_password_is_said_in_words(dee, client):
    page = text_of(client.post(reverse("account_login"), {"login": "dee@example.org", "password": "wrong"}))
    assert "not correct" in page
    assert "Command Centre" in page


def test_the_log_in_leads_on_to_where_one_wanted_to_go(dee, client):
    asked = client.get(reverse("learning:review"))
    response = client.post(asked.url, {"login": "dee@example.org", "password": SECRET, "next": reverse("learning:review")})
    assert response.url == reverse("learning:review")


def test_who_chose_a_password_cannot_have_it_taken_off_by_an_older_link(dee, client):
    lost, used = path_of(dee), path_of(dee)
    client.post(used)
    new = "another horse battery"
    assert client.post(reverse("account_set_password"), {"password1": new, "password2": new}).status_code == 302
    assert "not valid any more" in text_of(client.post(lost))
    dee.refresh_from_db()
    assert dee.check_password(new)


def test_an_invitation_names_the_person_and_is_spent_by_a_press_of_its_button(client):
    path = path_of(people.ann(), leads_to="/review/")
    assert "Welcome, Ann" in text_of(client.get(path))
    assert client.post(path).url == "/review/"
    assert client.get("/review/").status_code == 200
    spent = client.get(path)
    assert spent.status_code == 422
    assert "used already" in text_of(spent)


def test_a_forged_invitation_is_refused_in_words(client):
    response = client.get(reverse("people:invitation", args=["forged"]))
    assert response.status_code == 422
    assert "not valid any more" in text_of(response)


def test_logging_out_takes_a_post(client):
    ann = looking(people.ann())
    assert "Hello Ann" in text_of(ann.get("/"))
    ann.post(reverse("account_logout"))
    assert ann.get("/").status_code == 302


def test_nobody_signs_up_alone(client):
    assert "closed" in text_of(client.get(reverse("account_signup"))).lower()


@pytest.mark.parametrize("name", ["mfa_index", "account_change_password", "account_set_password", "account_logout"])
def test_the_pages_of_the_own_account_have_our_look(name, dee, client):
    client.force_login(dee)
    response = client.get(reverse(name), follow=True)
    assert response.status_code == 200
    assert 'class="rail"' in text_of(response)
