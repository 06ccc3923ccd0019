"""Every address × every method × every role: who gets further than the door. tests/access.txt is the table, written out."""

import re
from collections.abc import Iterator
from pathlib import Path

from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.test import APIClient

from accounts.actions import access_key
from accounts.models import Role
from tests import people
from tests.config.test_other_organizations import addresses, filled
from tests.factories.accounts import MachineFactory
from tests.factories.world import World, world
from tests.pages import looking

TABLE = Path(__file__).with_name("access.txt")
PEOPLE = "SRAOM"
MACHINES = "CEP"
LETTERS = PEOPLE + MACHINES
"""Super admin, Reviewer, Annotator, Organization admin, Member; City, Edge, Pipeline.

The rows they ask for are Acme's, of which O is the admin, M a member, and C and E are machines. That the admin of another
organization finds nothing of Acme's is tests/config/test_other_organizations.py.
"""
METHODS = ("get", "post", "put", "patch", "delete")
CLOSED = {401, 403, 404, 405}
REFUSED = "You may not do this"
OTHERS = ("allauth", "django", "unfold")
"""Whose views are tested where they are made; the admin's own are in tests/config/test_admin.py."""

Ask = tuple[str, str, str]


def routes() -> Iterator[tuple[str, str, URLPattern]]:
    """Answer every address of ours: spelled simply, as Django has it, and its pattern."""
    yield from _walk(get_resolver(), "")


def _walk(resolver: URLResolver, before: str) -> Iterator[tuple[str, str, URLPattern]]:
    for pattern in resolver.url_patterns:
        path = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            if path != "admin/":
                yield from _walk(pattern, path)
        elif not getattr(pattern.callback, "__module__", "").startswith(OTHERS):
            yield _simple(path), path, pattern


def _simple(path: str) -> str:
    """Spell an address as things/<pk>/, whether it is a route or a regular expression."""
    named = re.sub(r"\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)", r"<\1>", path)
    return re.sub(r"<\w+:(\w+)>", r"<\1>", named).replace("^", "").replace("$", "").replace("/?", "/") or "/"


def asks(made: World) -> list[Ask]:
    """Answer what is asked: method, address as spelled in the table, address with Acme's rows in it."""
    known = {**addresses(made), "users": str(people.cy().pk), "invitation": "1"}
    found = set()
    for spelled, path, pattern in routes():
        view = getattr(pattern.callback, "cls", None) or getattr(pattern.callback, "view_class", None)
        methods = [each for each in METHODS if hasattr(view, each)] if view else ["get", "post"]
        found |= {(method, spelled, filled(path, known)) for method in methods}
    return sorted(found, key=lambda ask: (ask[1], METHODS.index(ask[0])))


def speakers(made: World) -> dict[str, Client]:
    """Answer a client for each letter."""
    known = [people.ada(), people.rhea(), people.ann(), people.olga(), people.cy()]
    machines = [made.city.user, made.edge.user, MachineFactory(name="pipeline", role=Role.PIPELINE)]
    return {
        **{letter: looking(person) for letter, person in zip(PEOPLE, known, strict=True)},
        **{letter: _by_key(machine) for letter, machine in zip(MACHINES, machines, strict=True)},
    }


def _by_key(machine) -> Client:
    return APIClient(headers={"Authorization": f"Bearer {access_key.issue(machine, by=None)[1]}"})


def gets_further(speaker: Client, method: str, address: str) -> bool:
    """Tell whether the answer is anything but that there is nothing here, or nothing for this one; what was done is undone."""
    with transaction.atomic():
        answer: HttpResponse = getattr(speaker, method)(address, content_type="application/json")
        transaction.set_rollback(True)
    assert answer.status_code < 500, (method, address, answer.status_code)
    is_turned_away = answer.status_code == 302 and answer.headers["Location"].startswith("/accounts/login/")
    return not is_turned_away and answer.status_code not in CLOSED and not _is_refused_by_a_message(answer)


def _is_refused_by_a_message(answer) -> bool:
    """Tell whether a page leads back to where a verb's refusal is said."""
    said = getattr(answer.wsgi_request, "_messages", None)
    return any(str(message).startswith(REFUSED) for message in (said._queued_messages if said is not None else ()))


def acme() -> World:
    return world(people.acme())


def written() -> dict[tuple[str, str], str]:
    """Read the table: method and address → the letters that get further."""
    rows = (line.split() for line in TABLE.read_text().splitlines() if line and not line.startswith("#"))
    return {(method, path): "".join(letters).replace(".", "") for method, path, *letters in rows}


def not_as_written(letter: str) -> list[str]:
    """Walk every address as one role, and answer what is not as the table says."""
    made = acme()
    speaker, table = speakers(made)[letter], written()
    wrong = []
    for method, path, address in asks(made):
        if letter in MACHINES and not path.startswith("api/"):
            continue  # machines have no session
        expected = letter in table.get((method, path), "")
        if gets_further(speaker, method, address) is not expected:
            wrong.append(f"{method} {path}: {'may not' if expected else 'may'}")
    return wrong
