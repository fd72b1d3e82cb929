"""Definitions of systems: what they are, what may be switched, where they came from, how they leave again."""
