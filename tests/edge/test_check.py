"""`cc-edge check`: each thing that can be wrong between here and the hub, by its name and exit code."""

import datetime as dt
import json
import threading
from contextlib import contextmanager
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from accounts.actions import access_key
from cc_edge import cli
from cc_edge.check import check
from tests import people
from tests.certificates import self_signed
from tests.edge.live import run, serve_store_at
from tests.factories.deployments import EdgeServerFactory

KEY = "cc_a1b2c3d4e5f6_" + "s" * 43


class Stand(BaseHTTPRequestHandler):
    """Something that answers in a hub's place."""

    live, offset, status, facts = b"ok\n", 0, 200, {}
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def date_time_string(self, timestamp=None):
        return format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=self.offset), usegmt=True)

    def do_GET(self):
        is_live = self.path == "/live"
        content = self.live if is_live else json.dumps(self.facts).encode()
        self.send_response(200 if is_live else self.status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def standing(context=None, **bends):
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bent", (Stand,), bends))
    server.daemon_threads = True
    server.handle_error = lambda *_: None
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"{'https' if context else 'http'}://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def wrong(found):
    return {result.name: result.exit_code for result in found.results if result.exit_code}


@pytest.mark.django_db(transaction=True)
def test_everything_is_as_it_must_be(live_server, settings, tmp_path):
    serve_store_at(live_server.url, settings)
    edge = EdgeServerFactory()
    key = access_key.issue(edge.user, by=None)[1]
    before = sorted(tmp_path.rglob("*"))
    done = run("check", "--hub", live_server.url, key=key)
    assert done.code == 0, done.said
    [said] = done.lines
    assert said["ok"]
    assert set(said["checks"]) >= {"hub", "certificate", "clock", "key", "store"}
    assert edge.name in said["checks"]["key"]["detail"]
    assert urlsplit(live_server.url).netloc in said["firewall"]
    assert f"firewall: {said['firewall'][0]}" in done.said
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.django_db(transaction=True)
def test_an_agents_folder_says_hub_and_key(live_server, settings, tmp_path, capsys):
    serve_store_at(live_server.url, settings)
    key = access_key.issue(people.ada(), by=None)[1]
    (tmp_path / "identity.json").write_text(json.dumps({"hub": live_server.url, "name": "e", "edge_server_id": 1}))
    (tmp_path / "key").write_text(key)
    assert cli.main(["check", "--dir", str(tmp_path)]) == 0
    assert json.loads(capsys.readouterr().out)["ok"]
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["identity.json", "key"]
    (tmp_path / "key").write_text(KEY)
    assert cli.main(["check", "--dir", str(tmp_path)]) == 5


def test_a_hub_that_is_not_there_is_four():
    with standing() as url:
        pass
    found = check(url, KEY)
    assert (wrong(found), found.exit_code) == ({"hub": 4}, 4)
    assert found.firewall == [urlsplit(url).netloc]


def test_something_else_in_its_place_is_four():
    with standing(live=b"<html>Please log in to the hotel's network</html>") as url:
        assert wrong(check(url, KEY))["hub"] == 4


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_is_not_accepted_is_five(status):
    with standing(status=status, facts={"detail": "This key is not known."}) as url:
        found = check(url, KEY)
        assert (wrong(found), found.exit_code) == ({"key": 5}, 5)


@pytest.mark.parametrize("offset", [-86_400, 3_600])
def test_a_clock_that_is_off_is_six(offset):
    with standing(offset=offset, status=401) as url:
        found = check(url, KEY)
        assert (wrong(found), found.exit_code) == ({"clock": 6, "key": 5}, 6)


def test_a_store_behind_a_closed_door_is_four_and_named_for_the_firewall():
    with standing() as closed:
        pass
    with standing(facts={"name": "edge-1", "role": "edge", "store_probe": f"{closed}/store/x"}) as url:
        found = check(url, KEY)
    assert wrong(found) == {"store": 4}
    assert found.firewall == [urlsplit(url).netloc, urlsplit(closed).netloc]


def test_a_certificate_that_nobody_vouches_for_is_six_until_it_is_named(tmp_path, monkeypatch):
    context, authority = self_signed(tmp_path)
    with standing(context, status=401) as url:
        found = check(url, KEY)
        assert (wrong(found), found.exit_code) == ({"certificate": 6}, 6)
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        assert wrong(check(url, KEY)) == {"key": 5}


def test_a_proxy_is_named_instead_of_the_hub(monkeypatch):
    with standing(status=401) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy)
        monkeypatch.setenv("http_proxy", proxy)
        found = check("http://hub.example", KEY)
        assert found.firewall == [f"{urlsplit(proxy).netloc} (proxy)"]
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        assert check(proxy, KEY).firewall == [urlsplit(proxy).netloc]


@pytest.mark.parametrize("arguments", [[], ["--hub", "ftp://hub"], ["--hub", "hub.example"]])
def test_without_a_hub_there_is_nothing_to_check(arguments, monkeypatch, capsys):
    monkeypatch.setenv("CC_KEY", KEY)
    monkeypatch.delenv("CC_HUB", raising=False)
    assert cli.main(["check", *arguments]) == 6
    assert capsys.readouterr().err
