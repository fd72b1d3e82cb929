"""What the gateway remembers with: one async face on SQLite and PostgreSQL."""

from proxeny.database.base import Database
from proxeny.database.migrations import Migration
from proxeny.database.statements import Parameters, Request, Row, Statement, Steps, any_of

__all__ = ["Database", "Migration", "Parameters", "Request", "Row", "Statement", "Steps", "any_of"]
