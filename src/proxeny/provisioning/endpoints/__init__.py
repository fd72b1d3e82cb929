"""The SCIM endpoints of one system: what they offer, and reading through them."""
