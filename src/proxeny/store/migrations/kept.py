"""Secrets that backends gave to the gateway: see store/kept.py."""

from proxeny.database import Migration, Statement

KEPT = Migration(
    "secrets that backends gave",
    (
        Statement.ddl(
            "CREATE TABLE store_kept (system {TEXT} NOT NULL, name {TEXT} NOT NULL, sealed {TEXT} NOT NULL, "
            "PRIMARY KEY (system, name))"
        ),
    ),
)
