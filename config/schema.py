"""The tables as SQL for others: `docs/schema/<database>/<n>_<app>.sql`, written from the models without a server.

Django's own schema editors spell the statements; `manage.py schema` writes the files, and a test loads them into each database.
What MySQL has no word for is rebuilt where it can be (a partial unique constraint by a generated column that is null outside
its condition), and stands in the file's head where it cannot.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from django.apps import apps
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.sql.query import Query
from django.db.utils import ConnectionHandler

from accounts.append_only import DO

APPS = ("accounts", "learning", "training", "deployments", "config")
FOLDER = Path("docs") / "schema"
ENGINES = {"postgresql": "postgresql", "sqlite": "sqlite3", "mysql": "mysql"}
OLDEST_MYSQL = {
    "version": "10.6.0-MariaDB",
    "sql_mode": "STRICT_TRANS_TABLES",
    "default_storage_engine": "InnoDB",
    "sql_auto_is_null": False,
    "lower_case_table_names": False,
    "has_zoneinfo_database": True,
}
"""What Django would ask the server; a MariaDB whose statements MySQL 8 takes as well."""
HEAD = """\
-- {app}: {title}
-- Written from the models by `manage.py schema`; load the files of a folder in the order of their numbers.
"""
HEAD_OF_MYSQL = """\
-- For MySQL 8 and MariaDB 10.6 or newer, as utf8mb4. What these databases do not keep, whoever writes must see to:
--   the audit log (events) is append-only by triggers elsewhere; here nothing refuses a change;
--   indexes with a condition are left out: they make reading faster and keep no rule;
--   texts compare by the collation of the database; the hub means them byte by byte (utf8mb4_bin).
"""


def files() -> Iterator[tuple[Path, str]]:
    """Yield each file below docs/schema with what it holds; the same on every machine."""
    for database in ENGINES:
        connection = _connection(database)
        for number, app in enumerate(APPS, 1):
            yield Path(database) / f"{number}_{app}.sql", _file(connection, database, app)


def _connection(database: str) -> BaseDatabaseWrapper:
    """Answer a connection that spells this database's SQL and never connects anywhere."""
    if database == "mysql":
        import pymysql

        pymysql.install_as_MySQLdb()
    facts = {"ENGINE": f"django.db.backends.{ENGINES[database]}", "NAME": ":memory:"}
    connection = ConnectionHandler({"default": facts})["default"]
    if database == "mysql":
        vars(connection)["mysql_server_data"] = OLDEST_MYSQL
        connection.SchemaEditorClass = _editor_of_mysql()
    return connection


def _editor_of_mysql() -> Any:
    """Answer Django's editor, made to ask no server: how a value is quoted, and which engine a table has.

    The engine is InnoDB, which indexes foreign keys by itself.
    """
    from django.db.backends.mysql import schema
    from pymysql.converters import escape_item

    editor: Any = schema.DatabaseSchemaEditor

    class Editor(editor):  # type: ignore[misc]
        def quote_value(self, value: Any) -> str:
            return str(escape_item(value, "utf8mb4"))

        def _field_should_be_indexed(self, model: Any, field: Any) -> bool:
            by_key = field.remote_field is not None and field.db_constraint
            return bool(field.db_index and not field.unique and not by_key and not self._is_limited_data_type(field))

    return Editor


def _file(connection: BaseDatabaseWrapper, database: str, app: str) -> str:
    config = apps.get_app_config(app)
    statements = _statements(connection, database, list(config.get_models(include_auto_created=True)))
    if app == "accounts":
        statements += [" ".join(statement.split()) + ";" for statement in DO.get(database, ())]
    head = HEAD.format(app=app, title=type(config).__doc__) + (HEAD_OF_MYSQL if database == "mysql" else "")
    return "\n".join([head, *statements])


def _statements(connection: BaseDatabaseWrapper, database: str, tables: list[type[models.Model]]) -> list[str]:
    with connection.schema_editor(collect_sql=True, atomic=False) as editor:
        for table in tables:
            before = len(editor.collected_sql)
            editor.create_model(table)
            editor.collected_sql[before] = _laid_out(table, editor.collected_sql[before])
            if database == "mysql":
                editor.collected_sql += [
                    text for rule in _needing_columns(table) for text in _generated(connection, table, rule)
                ]
    return [f"{statement}\n" for statement in editor.collected_sql]


def _laid_out(table: type[models.Model], statement: str) -> str:
    """Put each column and each constraint of a CREATE TABLE on a line of its own, below what the table is for."""
    before, _, inside = statement.removesuffix(");").partition(" (")
    parts, depth, quoted = [""], 0, False
    for character in inside:
        quoted ^= character == "'"
        depth += {"(": 1, ")": -1}.get(character, 0) if not quoted else 0
        if character == "," and depth == 0 and not quoted:
            parts.append("")
        else:
            parts[-1] += character
    purpose = " ".join((table.__doc__ or "").split("\n\n")[0].split())
    lines = ",\n    ".join(part.strip() for part in parts)
    return f"-- {purpose}\n{before} (\n    {lines}\n);"


def _needing_columns(table: type[models.Model]) -> list[models.UniqueConstraint]:
    """Answer the unique constraints with a condition or an expression."""
    unique = [rule for rule in table._meta.constraints if isinstance(rule, models.UniqueConstraint)]
    return [rule for rule in unique if rule.condition is not None or rule.expressions]


def _generated(connection: BaseDatabaseWrapper, table: type[models.Model], rule: models.UniqueConstraint) -> list[str]:
    """Spell such a constraint by generated columns: one for each expression, and one that is 1 under the condition.

    Outside its condition that column is null, and a null is never the same as another.
    """
    quote, name = connection.ops.quote_name, str(rule.name)
    if [rule.condition] == [
        models.Q(**{f"{field}__isnull": False}) for field in rule.fields
    ]:  # so it is without a condition too
        own = ", ".join(quote(_column(table, field)) for field in rule.fields)
        return [f"ALTER TABLE {quote(table._meta.db_table)} ADD CONSTRAINT {quote(name)} UNIQUE ({own});"]
    query = Query(table, alias_cols=False)
    columns, made = [quote(_column(table, field)) for field in rule.fields], []
    expressions: Sequence[Any] = rule.expressions
    for number, expression in enumerate(expressions, 1):
        if isinstance(expression, models.F):
            columns.append(quote(_column(table, vars(expression)["name"])))
            continue
        resolved = expression.resolve_expression(query)
        made.append(
            (f"{name}_{number}", str(resolved.output_field.rel_db_type(connection)), _plain(connection, query, resolved))
        )
        columns.append(quote(made[-1][0]))
    if rule.condition is not None:
        made.append((name, "tinyint", f"CASE WHEN {_plain(connection, query, query.build_where(rule.condition))} THEN 1 END"))
        columns.append(quote(name))
    target = quote(table._meta.db_table)
    adding = "ALTER TABLE {} ADD COLUMN {} {} GENERATED ALWAYS AS ({}) VIRTUAL;"
    return [
        *(adding.format(target, quote(column), kind, text) for column, kind, text in made),
        f"CREATE UNIQUE INDEX {quote(name)} ON {target} ({', '.join(columns)});",
    ]


def _column(table: type[models.Model], field: str) -> str:
    found: Any = table._meta.get_field(field)
    return str(found.column)


def _plain(connection: BaseDatabaseWrapper, query: Query, expression: Any) -> str:
    """Answer an expression as SQL with its values in it."""
    text, values = query.get_compiler(connection=connection).compile(expression)
    quoted = connection.schema_editor().quote_value
    return str(text) % tuple(quoted(value) for value in values)
