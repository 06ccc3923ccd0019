"""Keyset paging: every row once, whatever the order, and no cursor but our own."""

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Organization
from core.errors import Malformed
from core.paging import bounded_count, keyset_page, page_size
from tests.factories.accounts import OrganizationFactory

pytestmark = pytest.mark.django_db


def walk(order: str, size: int) -> list[str]:
    found, cursor = [], ""
    while True:
        page = keyset_page(Organization.objects.all(), order=order, cursor=cursor, size=size)
        found += [row.slug for row in page.results]
        if page.next is None:
            return found
        cursor = page.next


@pytest.mark.parametrize("order", ["pk", "-pk", "name", "-name", "created_at", "-created_at"])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 500])
def test_every_row_comes_once_and_in_order(order, size):
    for number in range(7):
        OrganizationFactory(slug=f"o{number}", name=f"same {number % 2}")
    column, reverse = order.removeprefix("-"), order.startswith("-")
    rows = sorted(Organization.objects.all(), key=lambda row: (getattr(row, column), row.pk), reverse=reverse)
    assert walk(order, size) == [row.slug for row in rows]


def test_a_last_full_page_has_no_next():
    OrganizationFactory.create_batch(3)
    assert keyset_page(Organization.objects.all(), size=3).next is None


@given(st.one_of(st.text(), st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode())))
def test_any_text_as_cursor_is_refused_or_harmless(cursor):
    with contextlib.suppress(Malformed):
        assert list(keyset_page(Organization.objects.all(), order="name", cursor=cursor).results) == []


@pytest.mark.parametrize("order", ["name", "-pk", "created_at"])
@pytest.mark.parametrize(
    "text",
    ['["\\u0000", 1]', '["a", "\\u0000"]', "[Infinity, Infinity]", "[NaN, NaN]", "[true, null]", "[" * 3_000, "[9e999, 1]"],
)
def test_values_that_no_column_holds_are_refused(order, text):
    cursor = base64.urlsafe_b64encode(text.encode()).decode()
    with pytest.raises(Malformed, match="not made by us"):
        keyset_page(Organization.objects.all(), order=order, cursor=cursor)


@pytest.mark.parametrize("text", ["0", "501", "-1", "many", "1.5", "9" * 40, "²", "0000000019", "0" * 9 + "5", "5" * 5_000])
def test_a_page_size_out_of_bounds_is_refused(text):
    with pytest.raises(Malformed, match="1 to 500"):
        page_size(text)


def test_page_size_has_a_default():
    assert (page_size(None), page_size(""), page_size("500")) == (100, 100, 500)


def test_a_count_stops_at_its_bound():
    OrganizationFactory.create_batch(4)
    rows = Organization.objects.all()
    assert bounded_count(rows) == "4"
    assert bounded_count(rows, 3) == "3+"
    assert bounded_count(rows.none()) == "0"
