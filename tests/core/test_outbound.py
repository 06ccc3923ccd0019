"""Calling out: which addresses are called, however they are written, and what a call may cost."""

import ipaddress
import socket
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from core import outbound
from core.errors import Invalid
from tests.certificates import self_signed

HOME = [ipaddress.ip_network("127.0.0.0/8")]


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.calls.append((self.headers["Host"], self.path, body))
        self.server.answer(self)


def say(status=200, content=b"ok", **headers):
    def answer(handler):
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return answer


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """Whoever hung up is what the test is about."""


@contextmanager
def receiver(answer=None, context=None):
    server = Server(("127.0.0.1", 0), Receiver)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.calls, server.answer = [], answer or say()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def url_of(server, host="127.0.0.1", path="/hook?t=1"):
    return f"http://{host}:{server.server_address[1]}{path}"


def test_what_is_allowed_is_called_with_its_own_name():
    with receiver() as server:
        assert outbound.post_json(url_of(server, "localhost"), b'{"a": 1}', nets=HOME) == 200
        port = server.server_address[1]
        assert server.calls == [(f"localhost:{port}", "/hook?t=1", b'{"a": 1}')]


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "017700000001",
        "0177.0.0.1",
        "0x7f000001",
        "0x7f.1",
        "localhost",
        "0.0.0.0",  # noqa: S104  # not bound to: called
        "0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "2852039166",
        "224.0.0.1",
        "255.255.255.255",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:10.0.0.1]",
        "[::ffff:a9fe:a9fe]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "[fd00::1]",
        "[ff02::1]",
    ],
)
def test_no_address_of_this_house_is_called_however_it_is_written(host):
    with receiver() as server:
        with pytest.raises(outbound.NotCalled, match="may not call") as refused:
            outbound.post_json(url_of(server, host), b"{}")
        assert not refused.value.is_passing
        assert server.calls == []


def test_over_tls_the_certificate_must_be_the_names_own(tmp_path, monkeypatch):
    context, certificate = self_signed(tmp_path)
    asked = []
    context.sni_callback = lambda _socket, name, _context: asked.append(name)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    real = socket.getaddrinfo
    names = {"edge.example": "127.0.0.1"}
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *rest, **more: real(names.get(host, host), *rest, **more))
    with receiver(context=context) as server:
        https = url_of(server, "localhost").replace("http:", "https:")
        assert outbound.post_json(https, b"{}", nets=HOME) == 200
        with pytest.raises(outbound.NotCalled, match="did not answer"):
            outbound.post_json(https.replace("localhost", "edge.example"), b"{}", nets=HOME)
        assert len(server.calls) == 1
    assert asked == ["localhost", "edge.example"]


def test_a_name_with_one_private_address_among_public_ones_is_not_called(monkeypatch):
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in ("93.184.216.34", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(outbound.NotCalled, match="may not call"):
        outbound.post_json("http://two.example/", b"{}")


def test_a_name_is_looked_up_once_and_what_it_says_later_does_not_count(monkeypatch):
    real, asked = socket.getaddrinfo, []

    def changing(host, port, *args, **options):
        if host != "changing.example":
            return real(host, port, *args, **options)
        asked.append(host)
        return real("127.0.0.1" if len(asked) == 1 else "127.0.0.2", port, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", changing)
    with receiver() as server:
        assert outbound.post_json(url_of(server, "changing.example"), b"{}", nets=HOME) == 200
    assert asked == ["changing.example"]


@pytest.mark.parametrize("to", ["http://127.0.0.1:1/", "http://169.254.169.254/latest/meta-data", "/elsewhere"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status, to):
    with receiver(say(status, b"", Location=to)) as server:
        with pytest.raises(outbound.NotCalled, match="redirect") as refused:
            outbound.post_json(url_of(server), b"{}", nets=HOME)
        assert not refused.value.is_passing
        assert len(server.calls) == 1


def test_a_longer_answer_than_64_kb_is_hung_up_on():
    with (
        receiver(say(200, b"x" * (outbound.MOST_ANSWER_BYTES + 1))) as server,
        pytest.raises(outbound.NotCalled, match="more than"),
    ):
        outbound.post_json(url_of(server), b"{}", nets=HOME)


def test_a_drip_of_bytes_does_not_outlast_the_patience(monkeypatch):
    monkeypatch.setattr(outbound, "SECONDS", 0.5)

    def drip(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        over = threading.Event()
        for number in range(200):
            handler.wfile.write(f"X-{number}: 1\r\n".encode())
            over.wait(0.1)

    began = time.monotonic()
    with receiver(drip) as server, pytest.raises(outbound.NotCalled, match="did not answer") as refused:
        outbound.post_json(url_of(server), b"{}", nets=HOME)
    assert refused.value.is_passing
    assert time.monotonic() - began < 5


def test_who_is_not_there_may_be_there_later():
    with receiver() as server:
        url = url_of(server)
    with pytest.raises(outbound.NotCalled, match="did not answer") as refused:
        outbound.post_json(url, b"{}", nets=HOME)
    assert refused.value.is_passing


def test_a_proxy_of_the_environment_is_not_asked(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    with receiver() as server:
        assert outbound.post_json(url_of(server), b"{}", nets=HOME) == 200


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://edge.example/",
        "gopher://edge.example/",
        "javascript:alert(1)",
        "//edge.example/",
        "edge.example",
        "https://",
        "https:///path",
        "https://user:word@edge.example/",
        "https://user@edge.example/",
        "https://edge.example:99999/",
        "https://edge.example:0/",
        "https://edge.example/#part",
        "https://edge.example/a b",
        "https://edge.example/\r\nHost: other",
        "https://[::1",
        "https://ëdge.example/",
        "https://edge.example/" + "x" * 200,
    ],
)
def test_an_address_that_is_none_is_refused_when_it_is_named(url):
    with pytest.raises(Invalid, match="cannot be used"):
        outbound.check_url(url)


@pytest.mark.parametrize("url", ["https://edge.example/hook?t=1", "http://10.0.0.1:8080/", "https://[2606:4700::1111]/"])
def test_an_address_is_judged_when_it_is_called(url):
    assert outbound.check_url(url).hostname


@pytest.mark.parametrize(
    "nets",
    [
        "10.0.0.0/8",
        {"a": 1},
        ["10.0.0.1/8"],
        ["ten"],
        [10],
        ["0.0.0.0/0"],
        ["169.254.0.0/16"],
        ["224.0.0.0/8"],
        ["10.0.0.0/8"] * 21,
    ],
)
def test_networks_that_make_no_sense_are_refused(nets):
    with pytest.raises(Invalid):
        outbound.read_nets(nets)


def test_metadata_services_are_called_under_no_rule():
    wide = [ipaddress.ip_network("168.0.0.0/6")]
    assert not outbound.may_call(ipaddress.ip_address("169.254.169.254"), wide)
    assert outbound.may_call(ipaddress.ip_address("10.1.2.3"), outbound.read_nets(["10.1.0.0/16"]))
    assert not outbound.may_call(ipaddress.ip_address("10.2.2.3"), outbound.read_nets(["10.1.0.0/16"]))
    assert outbound.may_call(ipaddress.ip_address("8.8.8.8"))
