"""Every address and every method, asked by an annotator, an organization's admin and a city, against tests/access.txt.

The other roles walk it in tests/long/test_access.py.
"""

import pytest

from accounts.models import Role
from tests import access

pytestmark = pytest.mark.django_db


def test_every_address_stands_in_the_table():
    known = {path for _, path in access.written()}
    there = {path for path, _, _ in access.routes()}
    assert there - known == set(), "say in tests/access.txt who may open it"
    assert known - there == set(), "these are gone"
    assert len(access.LETTERS) == len(Role)


@pytest.mark.parametrize("letter", "AOC")
def test_a_role_gets_as_far_as_the_table_says(letter):
    wrong = access.not_as_written(letter)
    assert not wrong, "\n".join(wrong)
