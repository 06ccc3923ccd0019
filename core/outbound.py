"""Calling an address that a customer named: resolved once, judged, and connected to exactly, or not called at all.

A name may lead anywhere (to this machine, to a cloud's metadata service, to somewhere else at the second look-up), so nothing
but the one address that was judged is ever connected to; no proxy, no redirect, and every wait counts against one deadline.
"""

import ipaddress
import socket
import ssl
import time
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import SplitResult, urlsplit

import httpcore

from core.errors import Invalid

SECONDS = 5.0
MOST_ANSWER_BYTES = 64 * 1024
MOST_NETS = 20
LONGEST_URL = 200
PORTS = {"http": 80, "https": 443}
NAT64 = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Net = ipaddress.IPv4Network | ipaddress.IPv6Network


class NotCalled(Exception):
    """The call was not made or not finished; `is_passing` where another try may help. The text names no part of the URL."""

    def __init__(self, reason: str, *, is_passing: bool) -> None:
        super().__init__(reason)
        self.is_passing = is_passing


def check_url(url: str, *, longest: int = LONGEST_URL) -> SplitResult:
    """Answer the parts of an address that may be called at all: http or https, a host, no password; raises Invalid."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _wrong_url("its port or host cannot be read") from error
    if len(url) > longest or not url.isascii() or any(not sign.isprintable() or sign.isspace() for sign in url):
        raise _wrong_url(f"it is up to {longest} plain ASCII characters")
    if parts.scheme not in PORTS:
        raise _wrong_url("it begins with https:// or http://")
    if not parts.hostname or port == 0:
        raise _wrong_url("it names a host")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise _wrong_url("it holds no user, password or fragment")
    return parts


def read_nets(nets: Any) -> list[Net]:
    """Read a list of networks in CIDR; raises Invalid for what is none, holds host bits, is everything, or never to be called."""
    if not isinstance(nets, Sequence) or isinstance(nets, str) or len(nets) > MOST_NETS:
        raise _wrong_nets(f"callback_nets is a list of at most {MOST_NETS} networks.")
    try:
        read = [ipaddress.ip_network(net) for net in nets if isinstance(net, str)]
    except ValueError as error:
        raise _wrong_nets(f"callback_nets holds networks like 10.1.0.0/16: {error}.") from error
    if len(read) != len(nets):
        raise _wrong_nets("callback_nets holds networks as text.")
    for net in read:
        if net.prefixlen < 8 or _is_never_called(net.network_address):
            raise _wrong_nets(f"{net} is too wide, or no network to call into.")
    return read


def may_call(address: Address, nets: Iterable[Net] = ()) -> bool:
    """Tell whether an address may be called: public, whatever it is dressed as, or within one of `nets`."""
    real = _undressed(address)
    if _is_never_called(real):
        return False
    return real.is_global or any(real in net for net in nets)


def post_json(
    url: str,
    body: bytes,
    *,
    nets: Iterable[Net] = (),
    headers: Iterable[tuple[str, str]] = (),
    longest: int = LONGEST_URL,
    whom: str = "edge server",
) -> int:
    """Send `body` to the one address that `url` leads to now, and answer the status; raises NotCalled.

    5 seconds in all, no redirect followed, at most 64 KB of answer taken. `whom` is what sentences call the receiver.
    """
    deadline = time.monotonic() + SECONDS
    try:
        parts = check_url(url, longest=longest)
    except Invalid as refusal:
        raise NotCalled(refusal.detail, is_passing=False) from refusal
    address = judged(parts, list(nets))
    sent = [("Content-Type", "application/json"), ("User-Agent", "command-centre"), *headers]
    patience = {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), SECONDS)}
    context = ssl.create_default_context() if parts.scheme == "https" else None
    try:
        with (
            httpcore.ConnectionPool(ssl_context=context, network_backend=Pinned(address, deadline), retries=0) as pool,
            pool.stream("POST", url, headers=sent, content=body, extensions=patience) as response,
        ):
            _swallow(response, whom)
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
        raise NotCalled(f"The {whom} did not answer ({type(error).__name__}).", is_passing=True) from error
    if 300 <= response.status < 400:
        raise NotCalled(f"The {whom} answered with a redirect, which is never followed.", is_passing=False)
    return int(response.status)


def judged(parts: SplitResult, nets: list[Net], noun: str = "callback") -> str:
    """Resolve the host, once; every address it has must be one that may be called. Raises NotCalled."""
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NotCalled(f"The host of the {noun} has no address.", is_passing=True) from error
    addresses = [str(info[4][0]) for info in found]
    for address in addresses:
        if "%" in address or not may_call(ipaddress.ip_address(address), nets):
            raise NotCalled(f"The {noun} leads to an address that the hub may not call.", is_passing=False)
    return addresses[0]


def _undressed(address: Address) -> Address:
    """Answer the IPv4 address that an IPv6 one stands for, where it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo[1] if address.teredo else None
    return address.ipv4_mapped or address.sixtofour or teredo or address


def _is_never_called(address: Address) -> bool:
    """Link-local holds the metadata services of clouds; the others are no single machine."""
    return address.is_link_local or address.is_multicast or address.is_unspecified or address.is_reserved


def _swallow(response: httpcore.Response, whom: str) -> None:
    size = 0
    for piece in response.iter_stream():
        size += len(piece)
        if size > MOST_ANSWER_BYTES:
            raise NotCalled(f"The {whom} answered with more than {MOST_ANSWER_BYTES:,} bytes.", is_passing=False)


class Pinned(httpcore.NetworkBackend):
    """Connects to the judged address whatever host it is asked for; Host header and certificate stay the name's."""

    def __init__(self, address: str, deadline: float) -> None:
        self._address, self._deadline = address, deadline
        self._network = httpcore.SyncBackend()

    def connect_tcp(self, host: str, port: int, *args: Any, **options: Any) -> httpcore.NetworkStream:
        options["timeout"] = _left(self._deadline)
        return _Timed(self._network.connect_tcp(self._address, port, *args, **options), self._deadline)


class _Timed(httpcore.NetworkStream):
    """A connection on which a slow drip of bytes does not begin the patience anew."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: float) -> None:
        self._stream, self._deadline = stream, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(self._deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(self._deadline))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Timed(self._stream.start_tls(ssl_context, server_hostname, _left(self._deadline)), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise httpcore.TimeoutException("The time is over.")
    return left


def _wrong_url(rule: str) -> Invalid:
    return Invalid(f"This callback address cannot be used: {rule}.", errors={"url": [rule]})


def _wrong_nets(sentence: str) -> Invalid:
    return Invalid(sentence, errors={"callback_nets": [sentence]})
