"""The properties of SQL systems, declared once; names with ``*`` stand for as many as there are columns or lists."""

from collections.abc import Iterable, Mapping
from itertools import chain

from proxeny.connectors.properties import Property, PropertyProblem
from proxeny.connectors.sql.address import DRIVERS, parse_address
from proxeny.connectors.sql.layout import ENTITY_TYPES, read_layouts

CONNECTION: tuple[Property, ...] = (
    Property(
        "URL",
        required=True,
        help="Where the database is: postgresql://db.example:5432/hr or mariadb://db.example/hr; other dialects of "
        "SQLAlchemy by their names, if their drivers are installed. No user and no password in it.",
    ),
    Property("User", help="The database user. Give it rights on the tables of this system and nothing else."),
    Property("Password", secret=True, help="The password of the database user."),
    Property(
        "sql.tls",
        "choice",
        default="verify",
        choices=("verify", "off"),
        help="TLS with a verified certificate, or none. For dialects other than "
        f"{', '.join(sorted(DRIVERS))} the URL's own options decide.",
    ),
    Property("ca.certificate", help="Further certificate authorities for TLS, in PEM."),
    Property("client.certificate", help="Certificate (PEM) with which the gateway signs in over TLS."),
    Property("client.key", secret=True, help="Private key (PEM) of client.certificate."),
    Property("TrustAll", "boolean", default="false", help="Do not verify the certificate. For tests only."),
    Property("sql.schema", help="Schema of the tables whose names have none in front."),
    Property("sql.pool.size", "integer", default="4", minimum=1, maximum=32, help="Most connections at a time."),
    Property("sql.timeout", "integer", default="30", minimum=1, maximum=600, help="Seconds that a statement may take."),
    Property(
        "sql.delta.overlap",
        "integer",
        default="60",
        minimum=0,
        maximum=86400,
        help="Seconds that a delta read goes back before where it stopped: changes become visible when they are "
        "committed, which is later than the time they carry. What was seen is then seen again.",
    ),
    Property(
        "sql.unmapped",
        "choice",
        default="drop",
        choices=("drop", "refuse"),
        help="A field that no column takes: leave it out, or refuse the write and name it.",
    ),
)


def _of_entity(name: str) -> Iterable[Property]:
    of = f"sql.{name}"
    yield Property(f"{of}.table", help=f"Table or view that holds one {name} a row, also as schema.table.")
    yield Property(f"{of}.key", "list", help=f"Column or columns that identify a {name}; several make ids such as a,b.")
    yield Property(
        f"{of}.key.from",
        "choice",
        default="auto",
        choices=("auto", "database", "uuid"),
        help="Who makes a new key: the database (identity, sequence, default), or the gateway as a UUID. "
        "auto: the document if a column property gives the key column a value, else the database if it can, else UUID.",
    )
    yield Property(
        f"{of}.column.*",
        help=f"Column of a field: {of}.column.name.givenName = first_name. Fields are places in the document "
        "(emails[0].value, ['urn:…:User']['department']). With none of these, every column is a field of its own name.",
    )
    yield Property(f"{of}.created", help="Column with the time of creation, written by the gateway unless defaulted.")
    yield Property(f"{of}.modified", help="Column with the time of the last change; delta reads need it.")
    yield Property(
        f"{of}.modified.by",
        "choice",
        default="gateway",
        choices=("gateway", "database"),
        help="Who writes the time of the last change: the gateway with each write, or the database (a trigger).",
    )
    yield Property(f"{of}.version", help="Whole-number column that grows with each write; without it rows are hashed.")
    yield Property(f"{of}.deleted", help="Column of a soft delete: rows that are marked here do not exist any more.")
    yield Property(
        f"{of}.deleted.value",
        default="now",
        help="What marks a row as deleted: now (the column holds a time, and any value counts), true, or a text.",
    )
    yield Property(f"{of}.readonly", "list", help="Fields that are read and never written.")
    yield Property(
        f"{of}.ascii",
        "list",
        help="Fields whose columns hold ASCII text only, such as login names. The database alone filters on them, by "
        "lower(column), which an index serves, and sorts by them; of others the gateway reads more and decides.",
    )
    yield Property(
        f"{of}.text",
        "list",
        help="Fields that are text although their columns hold numbers, such as personnel numbers; ids always are.",
    )
    yield Property(f"{of}.filter", help=f"Condition in SQL that every {name} meets: status <> 'X'.")
    lists = f"{of}.list.*"
    yield Property(f"{lists}.table", help="Table or view whose rows are the elements of a list: emails, members.")
    yield Property(f"{lists}.key", "list", help=f"Columns there that hold the key of the {name}, in the key's order.")
    yield Property(f"{lists}.column", help="The one column of a list of plain values.")
    yield Property(f"{lists}.column.*", help="Column of an element's field: sql.user.list.emails.column.value = mail.")
    yield Property(f"{lists}.order", "list", help="Columns that order the elements; else they are ordered by value.")
    yield Property(
        f"{lists}.write",
        "choice",
        default="replace",
        choices=("replace", "delete", "never"),
        help="replace: a write makes the rows what the document says. never: only read. delete: only read, but rows "
        f"go with the {name}.",
    )


PROPERTIES: tuple[Property, ...] = (*CONNECTION, *chain.from_iterable(map(_of_entity, ENTITY_TYPES)))


def problems(values: Mapping[str, str]) -> Iterable[PropertyProblem]:
    """What is wrong with the properties together."""
    try:
        parse_address(values.get("URL", ""))
    except ValueError as error:
        yield PropertyProblem("URL", str(error))
    yield from read_layouts(values)[1]
