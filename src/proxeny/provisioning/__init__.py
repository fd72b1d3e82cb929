"""The middle: documents across, on behalf of callers, of jobs and of real time. The rooms are layers (pyproject.toml)."""
