"""The only way out over HTTP: one client per system, guarded, bounded in time and size, mapped to connector errors."""
