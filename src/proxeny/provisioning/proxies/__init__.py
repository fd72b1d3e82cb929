"""Systems put together as SCIM service providers, and what a provider says of itself."""
