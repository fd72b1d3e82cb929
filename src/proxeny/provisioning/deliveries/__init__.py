"""One entity to one target: what is due, the call, and what came of it."""
