"""The same places as for the client quirks: the directory on both databases, and proxies over it."""

from tests.quirks.conftest import people, postgresql_gateway, site, sqlite_gateway

__all__ = ["people", "postgresql_gateway", "site", "sqlite_gateway"]
