"""`field__among=[…]`: like `__in`, with the whole list as one parameter, so that thousands of keys cost no more to send than one."""

import json
from collections.abc import Iterable
from typing import Any

from django.db.models import CharField, Field, ForeignObject, Lookup
from django.db.models.expressions import OrderBy

LAST = "\U0010ffff"
"""The last sign there is: what begins with a text stands before the text followed by it."""
SEPARATOR = "\x1f"
"""ASCII's own between the parts of a record; no name of ours has one."""


@ForeignObject.register_lookup
@Field.register_lookup
class Among(Lookup):
    """For columns of whole numbers and of text."""

    lookup_name = "among"

    def get_prep_lookup(self) -> list[int] | list[str]:
        """Read the list once."""
        values: Iterable[Any] = self.rhs
        self.of_text = isinstance(getattr(self.lhs, "output_field", None), CharField)
        return [str(value) for value in values] if self.of_text else [int(value) for value in values]

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        """Compare with the elements of an array of JSON."""
        column, parameters = self.process_lhs(compiler, connection)
        return f"{column} IN (SELECT value FROM json_each(%s))", [*parameters, json.dumps(self.rhs)]  # noqa: S608  (a column)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Compare with the elements of an array, which is sent as one text where that can be: the driver quotes each of a list."""
        column, parameters = self.process_lhs(compiler, connection)
        if not self.of_text:
            return f"{column} = ANY(%s::bigint[])", [*parameters, self.rhs]
        joined = SEPARATOR.join(self.rhs)
        if joined.count(SEPARATOR) == len(self.rhs) - 1 and joined:
            return f"{column} = ANY(string_to_array(%s, %s))", [*parameters, joined, SEPARATOR]
        return f"{column} = ANY(%s::text[])", [*parameters, self.rhs]


@Field.register_lookup
class Prefixed(Lookup):
    """`field__prefixed="ab"`: texts that begin so, byte by byte, found by an index whatever plan is kept for the statement.

    `__startswith` becomes LIKE, for which a plan that is made before the text is known walks the whole table. On PostgreSQL the
    index is one of varchar_pattern_ops.
    """

    lookup_name = "prefixed"

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        """Compare with both ends of the range."""
        return self._between(compiler, connection, ">=", "<")

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Compare by the operators of the pattern index, which know no language's order."""
        return self._between(compiler, connection, "~>=~", "~<~")

    def _between(self, compiler: Any, connection: Any, lower: str, upper: str) -> Any:
        column, parameters = self.process_lhs(compiler, connection)
        text = str(self.rhs)
        return f"({column} {lower} %s AND {column} {upper} %s)", [*parameters, text, *parameters, text + LAST]


class ByPattern(OrderBy):
    """The order of an index of varchar_pattern_ops, so that the first rows of a range come from it without sorting the others."""

    def as_postgresql(self, compiler: Any, connection: Any) -> Any:
        """Name the operator; the comment is what Django's compiler looks for at the end of an order."""
        return self.as_sql(compiler, connection, template="%(expression)s USING ~<~ /* ASC */")
