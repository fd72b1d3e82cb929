"""Conditions: ``$.active == false && isValidEmail($.emails[*].value)`` (spec §5)."""
