"""Rows that are numbered from one again, for what walks along all numbers: else it looks through those of every test before."""

from django.core.management.color import no_style
from django.db import connection
from django.db.models import Model


def begin_at_one(*models: type[Model]) -> None:
    """Give the next row of each model the number one; its table must be empty."""
    with connection.cursor() as cursor:
        for model in models:
            assert not model.objects.exists()
            table = {"table": model._meta.db_table, "column": model._meta.pk.column}
            for statement in connection.ops.sequence_reset_by_name_sql(no_style(), [table]):
                cursor.execute(statement)
