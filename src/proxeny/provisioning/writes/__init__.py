"""Writing through a SCIM endpoint: create, replace and patch, up to what the backend holds afterwards."""
