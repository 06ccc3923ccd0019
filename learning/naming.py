"""Whether an annotation value names a class, asked of the database: exactly, not of how it spells the value."""

import json
from typing import Any

from django.db.models import BooleanField, Func


class Names(Func):
    """Tell of the annotation value in `column` whether it names `label`, as a whole or in one of its boxes.

    A value without a label of its own is called by its text, as on the pages that count classes.
    """

    output_field = BooleanField()

    def __init__(self, column: str, label: str) -> None:
        super().__init__(column)
        self.label = label

    def as_postgresql(self, compiler: Any, connection: Any, **_: Any) -> tuple[str, list[Any]]:
        """By containment, which no index helps; whoever asks looks through a bounded number of rows."""
        column, parameters = compiler.compile(self.source_expressions[0])
        shapes = [{"label": self.label}, {"boxes": [{"label": self.label}]}, {"text": self.label}]
        sql = f"({column} @> %s::jsonb OR {column} @> %s::jsonb OR ({column} @> %s::jsonb AND NOT {column} ? 'label'))"
        return sql, [part for shape in shapes for part in (*parameters, json.dumps(shape))] + list(parameters)

    def as_sqlite(self, compiler: Any, connection: Any, **_: Any) -> tuple[str, tuple[Any, ...]]:
        """By json_extract and json_each."""
        column, parameters = compiler.compile(self.source_expressions[0])
        of_whole = f"coalesce(json_extract({column}, '$.label'), json_extract({column}, '$.text')) = %s"
        of_boxes = f"EXISTS (SELECT 1 FROM json_each({column}, '$.boxes') WHERE json_extract(value, '$.label') = %s)"  # noqa: S608  (a column)
        return f"({of_whole} OR {of_boxes})", (*parameters, *parameters, self.label, *parameters, self.label)
