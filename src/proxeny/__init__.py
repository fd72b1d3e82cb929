"""proxeny: a SCIM 2.0 proxy gateway."""

__version__ = "0.1.0"
