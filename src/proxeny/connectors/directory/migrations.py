"""The directory's tables, version by version."""

from proxeny.connectors.directory.announcing import ANNOUNCEMENTS
from proxeny.database import Migration, Statement

COMPONENT = "directory"

MIGRATIONS = (
    Migration(
        "entities, their keys, memberships and changes",
        (
            Statement.ddl(
                "CREATE TABLE directory_entities ("
                "seq {NUMBER} PRIMARY KEY, type {TEXT} NOT NULL, id {TEXT} NOT NULL UNIQUE, version BIGINT NOT NULL, "
                "created {TEXT} NOT NULL, modified {TEXT} NOT NULL, change BIGINT NOT NULL, members BIGINT NOT NULL, "
                "display {TEXT} NOT NULL, password {TEXT}, document {BYTES} NOT NULL)"
            ),
            Statement.ddl("CREATE INDEX directory_by_seq ON directory_entities (type, seq)"),
            Statement.ddl("CREATE INDEX directory_by_created ON directory_entities (type, created, seq)"),
            Statement.ddl("CREATE INDEX directory_by_modified ON directory_entities (type, modified, seq)"),
            Statement.ddl("CREATE INDEX directory_by_change ON directory_entities (type, change)"),
            Statement.ddl(
                "CREATE TABLE directory_unique (field BIGINT NOT NULL, key {TEXT} NOT NULL, entity BIGINT NOT NULL, "
                "PRIMARY KEY (field, key)) {CLUSTERED}"
            ),
            Statement.ddl(
                "CREATE TABLE directory_keys (field BIGINT NOT NULL, key {TEXT} NOT NULL, entity BIGINT NOT NULL, "
                "PRIMARY KEY (field, key, entity)) {CLUSTERED}"
            ),
            Statement.ddl(
                "CREATE TABLE directory_memberships (holder BIGINT NOT NULL, "
                "member BIGINT NOT NULL REFERENCES directory_entities (seq), PRIMARY KEY (holder, member)) {CLUSTERED}"
            ),
            Statement.ddl("CREATE INDEX directory_by_member ON directory_memberships (member, holder)"),
            Statement.ddl(
                "CREATE TABLE directory_tombstones (change {NUMBER} PRIMARY KEY, type {TEXT} NOT NULL, "
                "id {TEXT} NOT NULL, at {TEXT} NOT NULL)"
            ),
            Statement.ddl(
                "CREATE TABLE directory_positions (type {TEXT} NOT NULL, bucket BIGINT NOT NULL, "
                "entities BIGINT NOT NULL, PRIMARY KEY (type, bucket)) {CLUSTERED}"
            ),
            Statement.ddl("CREATE TABLE directory_counters (name {TEXT} PRIMARY KEY, value BIGINT NOT NULL)"),
            Statement.ddl("INSERT INTO directory_counters (name, value) VALUES ('seq', 0), ('change', 0)"),
            Statement.per_dialect("SELECT 1", "CREATE SEQUENCE directory_seq"),
        ),
    ),
    ANNOUNCEMENTS,
)
