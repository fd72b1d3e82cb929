"""Runs from a source to its targets: pages, lanes, pauses, deletions, and telling of them."""
