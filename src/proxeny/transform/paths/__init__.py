"""Paths: ``$.emails[?(@.primary == true)].value``, read and written (spec §4)."""
