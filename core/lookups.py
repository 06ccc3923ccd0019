"""`field__among=[…]`: like `__in`, with the whole list as one parameter, so that thousands of keys cost no more to send than one."""

import json
from collections.abc import Iterable
from typing import Any

from django.db.models import Field, ForeignObject, Lookup


@ForeignObject.register_lookup
@Field.register_lookup
class Among(Lookup):
    """For columns of whole numbers only."""

    lookup_name = "among"

    def get_prep_lookup(self) -> list[int]:
        """Read the list once."""
        numbers: Iterable[Any] = self.rhs
        return [int(number) for number in numbers]

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        """Compare with the elements of an array of JSON."""
        column, parameters = self.process_lhs(compiler, connection)
        return f"{column} IN (SELECT value FROM json_each(%s))", [*parameters, json.dumps(self.rhs)]  # noqa: S608  (a column)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Compare with the elements of an array."""
        column, parameters = self.process_lhs(compiler, connection)
        return f"{column} = ANY(%s::bigint[])", [*parameters, self.rhs]
