"""Every address and every method, asked by the roles that tests/test_access.py leaves out."""

import pytest

from tests import access

pytestmark = [pytest.mark.long, pytest.mark.django_db]


@pytest.mark.parametrize("letter", sorted(set(access.LETTERS) - set("AOC")))
def test_a_role_gets_as_far_as_the_table_says(letter):
    wrong = access.not_as_written(letter)
    assert not wrong, "\n".join(wrong)
