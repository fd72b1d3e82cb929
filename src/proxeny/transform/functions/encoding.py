"""Functions between text and bytes: Base32 and Base64 (RFC 4648 §4, §5, §6)."""

import base64
import binascii
from collections.abc import Callable
from typing import Any

from proxeny.transform.errors import EntityFailedError
from proxeny.transform.functions.registry import Core, Function, Given, Parameter
from proxeny.transform.values import Run, to_text


def encode_text(value: Any, algorithm: str, *, padding: bool = True) -> str:
    """Bytes, or the UTF-8 bytes of a value's text, as Base32 or Base64."""
    data = value if isinstance(value, bytes) else to_text(value).encode()
    text = (base64.b32encode(data) if algorithm == "base32" else base64.b64encode(data)).decode()
    return text if padding else text.rstrip("=")


def decode_text(text: str, algorithm: str) -> bytes:
    """The bytes of an encoded text: with or without padding, Base32 in any case, Base64 in either alphabet.

    Raises ValueError.
    """
    bare = "".join(text.split()).rstrip("=")
    if algorithm == "base32":
        return base64.b32decode(bare + "=" * (-len(bare) % 8), casefold=True)
    if len(bare) % 4 == 1:
        raise ValueError("no text has this length in Base64")
    standard = bare.translate(str.maketrans("-_", "+/"))
    return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)


def _encode(given: Given) -> Core:
    algorithm, padding = given["algorithm"], not given["skipPadding"]
    return lambda value, run: encode_text(value, algorithm, padding=padding)


def _decode(given: Given) -> Core:
    algorithm = given["algorithm"]

    def decode(value: Any, run: Run) -> bytes:
        try:
            return decode_text(to_text(value), algorithm)
        except (ValueError, binascii.Error):
            raise EntityFailedError(
                f"the value is not {algorithm}, so it cannot be decoded", reason="bad-value"
            ) from None

    return decode


def _undo_encode(given: Given) -> Callable[[str], str | None]:
    """The text behind an encoded one; None unless encoding it again gives the same."""
    algorithm, padding = given["algorithm"], not given["skipPadding"]

    def undo(text: str) -> str | None:
        try:
            decoded = decode_text(text, algorithm).decode()
        except ValueError:
            return None
        return decoded if encode_text(decoded, algorithm, padding=padding) == text else None

    return undo


def _undo_decode(given: Given) -> Callable[[str], str | None]:
    algorithm, padding = given["algorithm"], not given["skipPadding"]
    return lambda text: encode_text(text, algorithm, padding=padding)


_PARAMETERS = (
    Parameter("algorithm", "choice", required=True, choices=("base32", "base64"), accepts_path=False),
    Parameter("skipPadding", "boolean", default=False, accepts_path=False),
)

FUNCTIONS = (
    Function("encode", _PARAMETERS, _encode, reverse=_undo_encode),
    Function("decode", _PARAMETERS, _decode, reverse=_undo_decode),
)
