"""`cc-edge check`: whether this machine can do its work, and what the firewall must let through. It writes nothing, here or there."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from cc_edge.errors import KeyRefused, Misconfigured, Unreachable
from cc_edge.hub import USER_AGENT

TIMEOUT = httpx.Timeout(10.0)
MOST_CLOCK_SECONDS = 120.0
PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Result:
    """One thing that was looked at; `exit_code` is 0 where it is as it must be."""

    name: str
    exit_code: int
    detail: str


@dataclass
class Found:
    """All that was looked at, in order, and the host:port pairs that must be reachable."""

    results: list[Result] = field(default_factory=list)
    firewall: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """Answer the code of the first thing that is wrong, as `upload` ends with it: 4 unreachable, 5 key, 6 configuration."""
        return next((result.exit_code for result in self.results if result.exit_code), 0)

    def lines(self) -> list[str]:
        """Say it to a person."""
        said = [f"{'ok  ' if result.exit_code == 0 else 'FAIL'} {result.name}: {result.detail}" for result in self.results]
        return [*said, *(f"firewall: {way}" for way in self.firewall)]

    def summary(self) -> dict[str, Any]:
        """Say it to a program."""
        checks = {result.name: {"ok": result.exit_code == 0, "detail": result.detail} for result in self.results}
        return {"ok": self.exit_code == 0, "checks": checks, "firewall": self.firewall}


def check(url: str, key: str) -> Found:
    """Look at proxy, hub, certificate, clock, key and store, as far as each can be reached; raises Misconfigured for no address."""
    hub = urlsplit(url)
    if hub.scheme not in PORTS or not hub.hostname:
        raise Misconfigured(f"The hub's address must look like https://hub.example.org, not {url!r}.")
    found = Found()
    _name_way(found, "hub", hub)
    headers = {"User-Agent": USER_AGENT, "Authorization": f"Bearer {key}"}
    with httpx.Client(timeout=TIMEOUT, headers={"User-Agent": USER_AGENT}) as plain:
        answer = _ask(found, "hub", lambda: plain.get(f"{url.rstrip('/')}/live"))
        if answer is None:
            return found
        _judge_clock(found, answer)
        spoken = _ask(found, "key", lambda: plain.get(f"{url.rstrip('/')}/api/v1/check", headers=headers))
        if spoken is not None and _judge_key(found, spoken):
            _judge_store(found, plain, _object(spoken))
    return found


def _ask(found: Found, name: str, send: Callable[[], httpx.Response]) -> httpx.Response | None:
    """Answer what came back; where nothing did, the reason is among the results."""
    try:
        response = send()
    except (UnicodeEncodeError, httpx.InvalidURL):
        found.results.append(Result(name, Misconfigured.exit_code, "It holds characters that cannot be sent."))
    except httpx.TransportError as error:
        if _is_about_certificate(error):
            sentence = f"The certificate is not accepted: {error}. SSL_CERT_FILE may name the house's own authority."
            found.results.append(Result("certificate", Misconfigured.exit_code, sentence))
        else:
            found.results.append(Result(name, Unreachable.exit_code, f"No answer: {type(error).__name__} {error}".strip()))
    else:
        if name == "hub":
            _judge_hub(found, response)
        return response
    return None


def _judge_hub(found: Found, response: httpx.Response) -> None:
    is_ours = response.is_success and response.text.strip() == "ok"
    sentence = f"{response.url.host} answers." if is_ours else f"Something answers {response.status_code} that is not the hub."
    found.results.append(Result("hub", 0 if is_ours else Unreachable.exit_code, sentence))
    if response.url.scheme == "https":
        found.results.append(Result("certificate", 0, "It is valid for this name, by an authority this machine trusts."))
    else:
        found.results.append(Result("certificate", 0, "None: the hub is spoken to in the clear."))


def _judge_clock(found: Found, response: httpx.Response) -> None:
    try:
        theirs = parsedate_to_datetime(response.headers["Date"])
    except (KeyError, ValueError, TypeError):
        found.results.append(Result("clock", 0, "The hub does not say what time it is."))
        return
    off = (datetime.now(UTC) - theirs).total_seconds()
    is_right = abs(off) <= MOST_CLOCK_SECONDS
    sentence = f"{off:+.0f} s against the hub's{'' if is_right else '; signed addresses and documents need the right time'}."
    found.results.append(Result("clock", 0 if is_right else Misconfigured.exit_code, sentence))


def _judge_key(found: Found, response: httpx.Response) -> bool:
    facts = _object(response)
    if response.status_code in {401, 403}:
        found.results.append(
            Result("key", KeyRefused.exit_code, str(facts.get("detail") or "The hub does not accept this key."))
        )
    elif not response.is_success or "name" not in facts:
        found.results.append(Result("key", Unreachable.exit_code, f"The hub answered {response.status_code}."))
    else:
        found.results.append(Result("key", 0, f"It is {facts['name']}'s ({facts.get('role')})."))
    return found.results[-1].exit_code == 0


def _judge_store(found: Found, client: httpx.Client, facts: dict[str, Any]) -> None:
    """Ask the store for an object that is not there, under an address the hub signed: any sure answer shows the way is open."""
    address = str(facts.get("store_probe", ""))
    parts = urlsplit(address)
    if parts.scheme not in PORTS or not parts.hostname:
        found.results.append(Result("store", Unreachable.exit_code, "The hub names no store."))
        return
    _name_way(found, "store", parts)
    answer = _ask(found, "store", lambda: client.get(address))
    if answer is not None:
        is_there = answer.status_code in {200, 403, 404}
        sentence = f"{parts.hostname} answers{'' if is_there else f' {answer.status_code}'}."
        found.results.append(Result("store", 0 if is_there else Unreachable.exit_code, sentence))


def _name_way(found: Found, name: str, parts: SplitResult) -> None:
    """Say what is connected to: the host itself, or the proxy that the environment names for it."""
    host = parts.hostname or ""
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    way = f"{host}:{parts.port or PORTS[parts.scheme]}"
    if proxy and not proxy_bypass(host):
        through = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        found.results.append(Result(f"proxy for {name}", 0, f"{way} is reached through {through.hostname}:{through.port}."))
        way = f"{through.hostname}:{through.port} (proxy)"
    if way not in found.firewall:
        found.firewall.append(way)


def _is_about_certificate(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _object(response: httpx.Response) -> dict[str, Any]:
    try:
        answer = response.json()
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
