"""A database that was started anew: the connection that was kept is of no use, and nobody notices."""

import pytest
from django.db import connection

from accounts.models import User
from tests import people

pytestmark = pytest.mark.django_db(transaction=True)


def lose() -> None:
    """Let the server close this process's connection; SQLite has none, and is simply closed."""
    if connection.vendor != "postgresql":
        connection.close()
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        process = cursor.fetchone()[0]
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [process])  # once it is gone
    other.close()


def test_the_next_request_opens_a_new_one():
    ann = people.ann()
    lose()
    connection.health_check_enabled, connection.health_check_done = True, False  # as at the beginning of a request
    assert User.objects.get(pk=ann.pk) == ann


def test_a_connection_that_stands_is_asked_nothing(django_assert_num_queries):
    ann = people.ann()
    kept = connection.connection
    connection.health_check_enabled, connection.health_check_done = True, False
    with django_assert_num_queries(1):
        assert User.objects.get(pk=ann.pk) == ann
    assert connection.connection is kept
    assert connection.health_check_done
