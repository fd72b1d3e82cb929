"""OAuth 2.0: the gateway's own token endpoint, and tokens of other issuers."""
