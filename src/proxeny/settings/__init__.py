"""Settings: what proxeny.toml says, checked as a whole and then frozen."""

from proxeny.settings.model import (
    PERMISSIONS,
    CertificateMatch,
    Client,
    Database,
    Issuer,
    Jobs,
    Limits,
    Logs,
    Mail,
    Metrics,
    OAuth,
    Outbound,
    Secrets,
    Server,
    Settings,
    Systems,
    Tls,
    is_permission,
)
from proxeny.settings.reading import Survey, load_settings, survey_settings
from proxeny.settings.references import resolve_text

__all__ = [
    "PERMISSIONS",
    "CertificateMatch",
    "Client",
    "Database",
    "Issuer",
    "Jobs",
    "Limits",
    "Logs",
    "Mail",
    "Metrics",
    "OAuth",
    "Outbound",
    "Secrets",
    "Server",
    "Settings",
    "Survey",
    "Systems",
    "Tls",
    "is_permission",
    "load_settings",
    "resolve_text",
    "survey_settings",
]
