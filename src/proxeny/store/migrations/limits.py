"""What replicas tell one another about callers: see store/limits.py."""

from proxeny.database import Migration, Statement

LIMITS = Migration(
    "lock-outs and request counts of all replicas",
    (
        Statement.ddl(
            "CREATE TABLE lock_outs (address {TEXT} NOT NULL, client {TEXT} NOT NULL, "
            "until DOUBLE PRECISION NOT NULL, PRIMARY KEY (address, client))"
        ),
        Statement.ddl(
            "CREATE TABLE request_counts (replica {TEXT} NOT NULL, client {TEXT} NOT NULL, minute BIGINT NOT NULL, "
            "count BIGINT NOT NULL, PRIMARY KEY (replica, client, minute))"
        ),
    ),
)
