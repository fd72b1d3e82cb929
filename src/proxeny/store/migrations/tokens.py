"""What the token endpoint remembers: see store/tokens.py."""

from proxeny.database import Migration, Statement

TOKENS = Migration(
    "tokens, revocations, ids used once and signing keys",
    tuple(
        map(
            Statement.ddl,
            (
                "CREATE TABLE oauth_tokens "
                "(digest {TEXT} PRIMARY KEY, claims {TEXT} NOT NULL, expires DOUBLE PRECISION NOT NULL)",
                "CREATE INDEX oauth_tokens_expires ON oauth_tokens (expires)",
                "CREATE TABLE oauth_revocations (id {TEXT} PRIMARY KEY, "
                "expires DOUBLE PRECISION NOT NULL, revoked DOUBLE PRECISION NOT NULL)",
                "CREATE INDEX oauth_revocations_expires ON oauth_revocations (expires)",
                "CREATE TABLE oauth_uses (id {TEXT} PRIMARY KEY, expires DOUBLE PRECISION NOT NULL)",
                "CREATE INDEX oauth_uses_expires ON oauth_uses (expires)",
                "CREATE TABLE oauth_keys "
                "(kid {TEXT} PRIMARY KEY, private {TEXT} NOT NULL, created DOUBLE PRECISION NOT NULL)",
            ),
        )
    ),
)
