"""Where a database is: the URL of a system, its dialect and driver."""

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

DRIVERS: Mapping[str, str] = {
    "postgresql": "postgresql+asyncpg",
    "mariadb": "mariadb+pymysql",
    "mysql": "mysql+pymysql",
}
"""Dialects whose connections the gateway opens itself, so that address rules and TLS hold at the socket."""

PORTS: Mapping[str, int] = {"postgresql": 5432, "mariadb": 3306, "mysql": 3306, "hana": 30015, "mssql": 1433}
_WITHOUT_SERVER = frozenset({"sqlite", "duckdb", "access"})


@dataclass(frozen=True, slots=True)
class Address:
    """``url`` is SQLAlchemy's, without user and password."""

    dialect: str
    host: str
    port: int
    database: str
    url: sa.URL

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def parse_address(text: str) -> Address:
    """The address that the property URL names; ValueError says what is wrong with it."""
    try:
        url = sa.make_url(text.strip())
    except (sa.exc.ArgumentError, ValueError) as error:
        raise ValueError("is no database URL; write it as postgresql://db.example:5432/hr") from error
    dialect = url.get_backend_name()
    if url.username is not None or url.password is not None:
        raise ValueError("must not hold a user or password; use the properties User and Password")
    if dialect in _WITHOUT_SERVER:
        raise ValueError(f"names {dialect}, which opens files on this machine; only database servers can be systems")
    host = url.host
    if not host or url.query.get("host") or url.query.get("unix_socket"):
        raise ValueError("must name the host of the server: postgresql://db.example:5432/hr")
    if dialect in DRIVERS:
        if url.query:
            raise ValueError("must not have options behind ?; sql.tls, sql.timeout and sql.schema say what they would")
        if url.drivername not in (dialect, DRIVERS[dialect]):
            raise ValueError(f"must be {dialect}://…: the gateway has its own driver, {DRIVERS[dialect]}")
        url = url.set(drivername=DRIVERS[dialect])
    return Address(dialect, host, url.port or PORTS.get(dialect, 0), url.database or "", url)
