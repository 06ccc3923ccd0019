"""Every operation of the OpenAPI document, asked as every role with what the document allows and what it does not.

No answer may be a 5xx, and each must be what the document says of it. `EXAMPLES` says how many cases each operation gets of
each role; the ids in paths are half of the time those of things that are there.
"""

import os
import re
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from accounts.actions import access_key
from accounts.models import Role, User
from tests import people
from tests.factories.accounts import MachineFactory
from tests.factories.gallery import gallery
from tests.factories.learning import pune
from tests.learning.test_batch_api import Caller

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long]

EXAMPLES = int(os.environ.get("EXAMPLES", "10"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
NAMES = ("id", "slug", "name", "number", "version", "sample_id", "session_id", "slot", "sha256")
PERSONS = {
    "super admin": people.ada,
    "reviewer": people.rhea,
    "annotator": people.ann,
    "organization admin": people.olga,
    "professional": people.pia,
    "member": people.cy,
}
MACHINES = {"city": Role.CITY, "edge": Role.EDGE, "pipeline": Role.PIPELINE}


def asker(name: str) -> User | None:
    """Answer the person or the machine of the gallery that asks; None is nobody."""
    if name in PERSONS:
        return PERSONS[name]()
    if name not in MACHINES:
        return None
    return User.objects.filter(role=MACHINES[name]).order_by("pk").first() or MachineFactory(role=MACHINES[name])


def known(paths: list[str]) -> dict[str, list[str]]:
    """Answer what the lists tell an admin of: by the path that an id follows, the ids that are there."""
    admin, found = Caller(people.bo()), {}
    for path in paths:
        if "{" not in path and (answer := admin.get(path)).status_code == 200 and isinstance(answer.json(), dict):
            rows = answer.json().get("results", [])
            found[path] = [str(row[name]) for row in rows if isinstance(row, dict) for name in NAMES if row.get(name)]
    return {path: names for path, names in found.items() if names}


def followed(path: str) -> dict[str, str]:
    """Answer, of each parameter in a path, the path before it."""
    return {match[1]: path[: match.start()] for match in re.finditer(r"\{(\w+)\}", path)}


@pytest.mark.parametrize("name", [*PERSONS, *MACHINES, "nobody"])
def test_the_hub_answers_as_its_document_says(name, live_server):
    made = gallery()
    assert made.batch.city.user_id
    pune("city_goa", organization=people.acme())
    user = asker(name)
    assert name == "nobody" or user is not None
    headers = {"Authorization": f"Bearer {access_key.issue(user, by=None)[1]}"} if user else {}
    schema = schemathesis.openapi.from_url(f"{live_server.url}/api/v1/schema?format=json")
    operations = [result.ok() for result in schema.get_all_operations()]
    there = known(sorted({operation.path for operation in operations if operation.method == "get"}))
    assert there
    wrong: list[str] = []
    for operation in operations:
        wrong += asked(operation, headers, there)
    assert not wrong, "\n\n".join(wrong)


def asked(operation: Any, headers: dict[str, str], there: dict[str, list[str]]) -> list[str]:
    """Send an operation's cases; answers the fault of the smallest that was not answered as documented, if there is one."""

    @seed(1)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )
    @given(case=operation.as_strategy(), data=st.data())
    def sent(case: Any, data: Any) -> None:
        for parameter, before in followed(operation.path).items():
            if before in there and data.draw(st.booleans()):
                case.path_parameters[parameter] = data.draw(st.sampled_from(there[before]))
        case.call_and_validate(headers=headers, checks=CHECKS)

    try:
        sent()
    except (Exception, BaseExceptionGroup) as fault:  # noqa: BLE001  (whatever it is, it is told with all the others)
        return [f"{operation.method.upper()} {operation.path}: {type(fault).__name__}: {str(fault)[:1_500]}"]
    return []
