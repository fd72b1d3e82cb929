"""The composition root: the one room that knows every other. It opens what the settings name, and closes it."""

from proxeny.app.gateway import Gateway
from proxeny.app.serving import serve

__all__ = ["Gateway", "serve"]
