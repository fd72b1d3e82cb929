"""Real time: one entity at a time, as it changes."""
