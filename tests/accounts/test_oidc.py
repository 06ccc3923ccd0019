"""An organization's own log-in by OpenID Connect: a known address comes in, an unknown one stays out, the second factor is asked for."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from accounts.models import User
from config.services import oidc
from tests import people
from tests.accounts.factors import app_of
from tests.pages import text_of

pytestmark = pytest.mark.django_db


@contextmanager
def issuer(claims: dict[str, object]) -> Iterator[str]:
    """Run an issuer that vouches for whoever comes with `claims`."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.say(
                claims
                if self.path == "/userinfo"
                else {"issuer": here, **{f"{each}_endpoint": f"{here}/{each}" for each in ENDS}}
            )

        def do_POST(self) -> None:
            self.say({"access_token": "a", "token_type": "Bearer", "expires_in": 60})

        def say(self, body: dict[str, object]) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answers)
    here = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield here
    finally:
        server.shutdown()
        server.server_close()


ENDS = ("authorization", "token", "userinfo")


def comes(client, settings, claims):
    """Walk from the log-in page to the issuer and back; answer where that ends."""
    with issuer(claims) as here:
        settings.SOCIALACCOUNT_PROVIDERS = oidc(here, "hub", "secret", "Town hall")
        page = client.get("/accounts/login/")
        assert "Log in with Town hall" in text_of(page)
        assert f"form-action 'self' {here}" in page.headers["Content-Security-Policy"]
        away = client.post("/accounts/oidc/oidc/login/").url
        assert away.startswith(f"{here}/authorization?")
        state = parse_qs(urlsplit(away).query)["state"][0]
        return client.get("/accounts/oidc/oidc/login/callback/", {"code": "c", "state": state})


def test_who_was_invited_comes_in_by_the_address_that_is_vouched_for(client, settings):
    ann = people.ann()
    answer = comes(client, settings, {"sub": "1", "email": "Ann@example.org", "email_verified": True})
    assert answer.url == "/"
    assert client.session["_auth_user_id"] == str(ann.pk)


@pytest.mark.parametrize("said", [False, "false", "False", None, 0, "no", []])
def test_an_address_that_nobody_vouches_for_lets_nobody_in(client, settings, said):
    people.ann()
    comes(client, settings, {"sub": "1", "email": "ann@example.org", "email_verified": said})
    assert "_auth_user_id" not in client.session


def test_who_was_not_invited_stays_out(client, settings):
    answer = comes(client, settings, {"sub": "2", "email": "zoe@example.org", "email_verified": True})
    assert "_auth_user_id" not in client.session
    assert "closed" in text_of(client.get(answer.url) if answer.status_code == 302 else answer).lower()
    assert not User.objects.exists()


def test_the_second_factor_is_asked_for_all_the_same(client, settings):
    app_of(people.ann())
    answer = comes(client, settings, {"sub": "1", "email": "ann@example.org", "email_verified": True})
    assert answer.url == "/accounts/2fa/authenticate/"
    assert "_auth_user_id" not in client.session


def test_without_an_issuer_the_log_in_offers_none(client):
    assert "oidc" not in text_of(client.get("/accounts/login/"))


def test_an_issuer_that_is_away_is_a_sentence(client, settings):
    with issuer({}) as here:
        pass
    settings.SOCIALACCOUNT_PROVIDERS = oidc(here, "hub", "secret", "Town hall")
    answer = client.post("/accounts/oidc/oidc/login/")
    assert answer.status_code == 503
    assert "log-in does not answer" in text_of(answer)


def test_an_issuer_that_goes_away_before_it_vouched_is_a_sentence(client, settings):
    with issuer({}) as here:
        settings.SOCIALACCOUNT_PROVIDERS = oidc(here, "hub", "secret", "Town hall")
        state = parse_qs(urlsplit(client.post("/accounts/oidc/oidc/login/").url).query)["state"][0]
    answer = client.get("/accounts/oidc/oidc/login/callback/", {"code": "c", "state": state})
    assert answer.status_code == 503
    assert "log-in does not answer" in text_of(answer)
