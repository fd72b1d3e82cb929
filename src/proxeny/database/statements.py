"""One SQL statement for both databases: SQLAlchemy Core, compiled once, run by the bare drivers.

Statements are made when a module is loaded and compiled at first use. Parameters go in by name; what the driver gets
is the SQL of its dialect and a tuple in the order of the placeholders.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from operator import itemgetter
from typing import Any, Literal

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.asyncpg import dialect as postgresql_dialect
from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement, ColumnElement

Dialect = Literal["sqlite", "postgresql"]
Row = tuple[Any, ...]
Parameters = Mapping[str, Any]

_DIALECTS: dict[Dialect, sa.engine.Dialect] = {
    "sqlite": sqlite_dialect(paramstyle="qmark"),
    "postgresql": postgresql_dialect(),  # type: ignore[no-untyped-call]  # SQLAlchemy leaves its dialects untyped
}

DDL_WORDS: dict[Dialect, dict[str, str]] = {
    "sqlite": {"TEXT": "TEXT", "BYTES": "BLOB", "NUMBER": "INTEGER", "CLUSTERED": "WITHOUT ROWID"},
    "postgresql": {"TEXT": 'TEXT COLLATE "C"', "BYTES": "BYTEA", "NUMBER": "BIGINT", "CLUSTERED": ""},
}
"""Words in braces in the text of a ``Statement.ddl``: text is ordered by code point in both databases, and a ``{NUMBER}
PRIMARY KEY`` is what SQLite keeps the row under."""


class any_of(ColumnElement[bool]):  # noqa: N801  # reads as a word of SQL, like SQLAlchemy's own and_, or_, case
    """``column`` is one of the list given as parameter ``name``, however long the list."""

    inherit_cache = True
    type = sa.Boolean()
    _is_implicitly_boolean = True
    """SQLAlchemy's word for a condition that needs no ``= 1`` behind it, which would keep SQLite from its indexes."""

    def __init__(self, column: ColumnElement[Any], name: str) -> None:
        self.column = column
        self.values = sa.bindparam(name, type_=sa.ARRAY(column.type))


@compiles(any_of, "sqlite")
def _any_of_sqlite(element: any_of, compiler: SQLCompiler, **kw: Any) -> str:
    column, values = compiler.process(element.column, **kw), compiler.process(element.values, **kw)
    return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608  # both parts are compiled, not data


@compiles(any_of, "postgresql")
def _any_of_postgresql(element: any_of, compiler: SQLCompiler, **kw: Any) -> str:
    column, values = compiler.process(element.column, **kw), compiler.process(element.values, **kw)
    return f"{column} = ANY({values})"


class Prepared:
    """The SQL of one dialect, and ``bind``: named parameters → tuple in the order of the placeholders."""

    __slots__ = ("bind", "sql")

    def __init__(self, sql: str, bind: Callable[[Parameters], Row]) -> None:
        self.sql = sql
        self.bind = bind


class Statement:
    """A statement that both databases can run; see the module. ``Statement.ddl`` is for migrations."""

    __slots__ = ("_construct", "_prepared")

    def __init__(self, construct: ClauseElement | str) -> None:
        self._construct = sa.text(construct) if isinstance(construct, str) else construct
        self._prepared: dict[Dialect, Prepared] = {}

    @classmethod
    def ddl(cls, text: str) -> "Statement":
        """A statement of a migration, with the words of ``DDL_WORDS`` in braces."""
        statement = cls("")
        for dialect, words in DDL_WORDS.items():
            statement._prepared[dialect] = Prepared(text.format_map(words), _bind_nothing)
        return statement

    @classmethod
    def per_dialect(cls, sqlite: str, postgresql: str) -> "Statement":
        """Where the two have no common words; parameters are ``:name`` in both."""
        statement = cls("")
        statement._prepared["sqlite"] = _prepare(sa.text(sqlite), "sqlite")
        statement._prepared["postgresql"] = _prepare(sa.text(postgresql), "postgresql")
        return statement

    def prepared(self, dialect: Dialect) -> Prepared:
        """The compiled form; made at first use."""
        try:
            return self._prepared[dialect]
        except KeyError:
            prepared = self._prepared[dialect] = _prepare(self._construct, dialect)
            return prepared


def _prepare(construct: ClauseElement, dialect: Dialect) -> Prepared:
    compiled = construct.compile(dialect=_DIALECTS[dialect])
    names: Sequence[str] = compiled.positiontup or () if isinstance(compiled, SQLCompiler) else ()
    if not names:
        return Prepared(str(compiled), _bind_nothing)
    assert isinstance(compiled, SQLCompiler)  # noqa: S101  # only queries have placeholders
    lists = {name for name, bind in compiled.binds.items() if isinstance(bind.type, sa.ARRAY)}
    given = {name: value for name, value in compiled.params.items() if not compiled.binds[name].required}
    return Prepared(str(compiled), _binder(names, given, lists if dialect == "sqlite" else set()))


def _binder(names: Sequence[str], given: Parameters, as_json: set[str]) -> Callable[[Parameters], Row]:
    if not as_json and not any(name in given for name in names):
        if len(names) == 1:
            only = names[0]
            return lambda parameters: (parameters[only],)
        return itemgetter(*names)

    def bind(parameters: Parameters) -> Row:
        values = (parameters[name] if name in parameters else given[name] for name in names)
        return tuple(
            orjson.dumps(value).decode() if name in as_json else value
            for name, value in zip(names, values, strict=True)
        )

    return bind


def _bind_nothing(parameters: Parameters) -> Row:
    return ()


Request = tuple[Statement, Parameters | Sequence[Parameters]]
"""What a step of a transaction asks: one set of parameters, or a list of them to run the statement for each."""

Steps = Generator[Request, list[Row], Any]
"""A transaction as a generator: it yields requests, gets rows, and returns the result. It may be run again from the
start (a deadlock), so it changes nothing outside the database."""
