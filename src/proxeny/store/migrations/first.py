"""Technical users, systems and the audit trail."""

from proxeny.database import Migration, Statement

FIRST = Migration(
    "technical users, systems, audit trail",
    (
        Statement.ddl(
            "CREATE TABLE store_clients (id {TEXT} PRIMARY KEY, document {BYTES} NOT NULL, version BIGINT NOT NULL)"
        ),
        Statement.ddl(
            "CREATE TABLE store_client_use (id {TEXT} PRIMARY KEY, last_used {TEXT}, last_address {TEXT}, "
            "failed_tries BIGINT NOT NULL)"
        ),
        Statement.ddl(
            "CREATE TABLE store_systems (id {TEXT} PRIMARY KEY, name {TEXT} NOT NULL UNIQUE, "
            "document {BYTES} NOT NULL, credentials {BYTES} NOT NULL, "
            "created {TEXT} NOT NULL, changed {TEXT} NOT NULL, version BIGINT NOT NULL)"
        ),
        Statement.ddl("CREATE TABLE store_versions (name {TEXT} PRIMARY KEY, version BIGINT NOT NULL)"),
        Statement.ddl("INSERT INTO store_versions (name, version) VALUES ('clients', 0), ('systems', 0)"),
        Statement.ddl(
            "CREATE TABLE store_audit (number {NUMBER} PRIMARY KEY, record {BYTES} NOT NULL, chain {TEXT} NOT NULL)"
        ),
        Statement.ddl(
            "CREATE TABLE store_audit_head (head BIGINT PRIMARY KEY, number BIGINT NOT NULL, chain {TEXT} NOT NULL)"
        ),
        Statement.ddl("INSERT INTO store_audit_head (head, number, chain) VALUES (1, 0, '')"),
    ),
)
