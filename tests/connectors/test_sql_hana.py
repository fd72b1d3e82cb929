"""Statements for SAP HANA, by the text that its dialect makes of them: no HANA can be had for the tests."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy_hana.dialect import HANAHDBCLIDialect

from proxeny.connectors.filtering import AllOf, AnyElement, Compare, NativeFilter, Negation
from proxeny.connectors.places import parse_place
from proxeny.connectors.spi import Sort
from proxeny.connectors.sql.address import parse_address
from proxeny.connectors.sql.filter import translate
from proxeny.connectors.sql.layout import read_layouts
from proxeny.connectors.sql.manners import manners_of
from proxeny.connectors.sql.ordering import sort_order
from proxeny.connectors.sql.reading import beyond, select
from proxeny.connectors.sql.tables import EntityTable, ListTable, MappedColumn
from proxeny.connectors.sql.values import kind_of

METADATA = sa.MetaData()
PERSON = sa.Table(
    "PERSON",
    METADATA,
    sa.Column("ID", sa.Integer, primary_key=True),
    sa.Column("Login", sa.String(80)),
    sa.Column("TOUCHED", sa.DateTime),
    schema="HR",
)
MAIL = sa.Table("MAIL", METADATA, sa.Column("PERSON", sa.Integer), sa.Column("ADDRESS", sa.String(120)), schema="HR")


def mapped(place: str, column: Any) -> MappedColumn:
    return MappedColumn(parse_place(place), column, kind_of(column.type))


def entity() -> EntityTable:
    layouts, problems = read_layouts(
        {"sql.user.table": "HR.PERSON", "sql.user.key": "ID", "sql.user.ascii": "userName,emails.value"}
    )
    assert not problems
    mails = ListTable(
        "emails", MAIL, (MAIL.c.PERSON,), (mapped("value", MAIL.c.ADDRESS),), False, (MAIL.c.ADDRESS,), "replace"
    )
    return EntityTable(
        layouts["user"], PERSON, (mapped("id", PERSON.c.ID),), (mapped("userName", PERSON.c.Login),), (mails,),
        None, PERSON.c.TOUCHED, None, None, {},
    )  # fmt: skip


def text(statement: Any) -> tuple[str, list[Any]]:
    """The statement on one line, and its bound values."""
    compiled = statement.compile(dialect=HANAHDBCLIDialect())
    return " ".join(str(compiled).split()), [compiled.params[name] for name in compiled.positiontup]


def condition(where: NativeFilter) -> tuple[str, list[Any]]:
    translated = translate(entity(), manners_of("hana"), where)
    assert translated.sql is not None
    said, bound = text(select(entity()).where(translated.sql))
    return said.partition(" WHERE ")[2], bound


def test_a_page_with_a_filter_an_order_and_a_limit() -> None:
    known = translate(entity(), manners_of("hana"), Compare(("userName",), "sw", "o'n%"))
    assert known.sql is not None
    order = sort_order(entity(), manners_of("hana"), Sort(("meta", "lastModified"), descending=True, type="dateTime"))
    statement = select(entity()).where(known.sql).order_by(*(order or ())).limit(11).offset(20)
    said, bound = text(statement)
    assert said == (
        'SELECT "HR"."PERSON"."ID", "HR"."PERSON"."Login", "HR"."PERSON"."TOUCHED" FROM "HR"."PERSON" '
        'WHERE "HR"."PERSON"."Login" IS NOT NULL AND lower("HR"."PERSON"."Login") LIKE ? ESCAPE \'/\' '
        'ORDER BY CASE WHEN ("HR"."PERSON"."TOUCHED" IS NULL) THEN ? ELSE ? END DESC, '
        '"HR"."PERSON"."TOUCHED" DESC, "HR"."PERSON"."ID" DESC LIMIT ? OFFSET ?'
    )
    assert bound == ["o'n/%%", 1, 0, 11, 20]


def test_lists_times_and_keys() -> None:
    element = AnyElement(("emails",), Compare(("value",), "eq", "A@x.org", case_exact=True))
    since = Compare(("meta", "lastModified"), "ge", "2026-01-02T03:04:05Z", "dateTime")
    said, bound = condition(AllOf((element, since)))
    assert said == (
        '(EXISTS (SELECT * FROM "HR"."MAIL" WHERE "HR"."MAIL"."PERSON" = "HR"."PERSON"."ID" '
        'AND "HR"."MAIL"."ADDRESS" IS NOT NULL AND "HR"."MAIL"."ADDRESS" = ?)) '
        'AND "HR"."PERSON"."TOUCHED" IS NOT NULL AND "HR"."PERSON"."TOUCHED" >= ?'
    )
    assert bound == ["A@x.org", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC).replace(tzinfo=None)]
    assert text(beyond(entity(), (7,))) == ('"HR"."PERSON"."ID" > ?', [7])


def test_what_its_comparison_of_texts_is_not_known_for_is_left_to_the_gateway() -> None:
    exactly = translate(entity(), manners_of("hana"), Compare(("userName",), "eq", "x", case_exact=True))
    assert exactly.sql is not None
    assert not exactly.exact
    assert translate(entity(), manners_of("hana"), Negation(Compare(("userName",), "eq", "x"))).sql is None
    assert sort_order(entity(), manners_of("hana"), Sort(("userName",))) is None


def test_its_address_is_one_of_a_server() -> None:
    address = parse_address("hana://db.example:30015?encrypt=true")
    assert (address.dialect, address.host, address.port) == ("hana", "db.example", 30015)
