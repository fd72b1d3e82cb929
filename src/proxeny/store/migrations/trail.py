"""The seal on the head of the audit trail: see store/audit.py."""

from proxeny.database import Migration, Statement

TRAIL = Migration(
    "seal on the head of the audit trail",
    (Statement.ddl("ALTER TABLE store_audit_head ADD COLUMN seal {TEXT} NOT NULL DEFAULT ''"),),
)
