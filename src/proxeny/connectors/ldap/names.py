"""DNs and values as text that is safe to put into a DN or a filter (RFC 4514, RFC 4515)."""

import re
import uuid

import ldap.dn

DESCRIPTION = re.compile(r"(?:[A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)+)(?:;[A-Za-z0-9-]+)*")
"""An attribute description: a name or an object identifier, and options."""

_PLAIN = re.compile(r'[^\\"+;<>#\x00-\x1f\x7f-\xa0]*')
_CONTROL = re.compile(r"[\x01-\x1f\x7f]")
_UNSAFE = re.compile(r"[\\*()\x00-\x1f\x7f-\U0010ffff]|^ | $")


def escaped(text: str) -> str:
    """The text as an assertion value; everything that is no plain ASCII is written as its UTF-8 octets."""
    return _UNSAFE.sub(lambda found: octets(found.group().encode("utf-8", "surrogatepass")), text)


def octets(value: bytes) -> str:
    """Any bytes as an assertion value."""
    return "".join(f"\\{octet:02x}" for octet in value)


def rdn(attribute: str, value: str) -> str:
    """A relative name; characters that nobody sees are written as octets, because libraries take some for spaces."""
    escaped_value = _CONTROL.sub(lambda found: octets(found.group().encode()), ldap.dn.escape_dn_chars(value))
    return f"{attribute}={escaped_value}"


def is_dn(text: str) -> bool:
    return bool(text) and "=" in text and bool(ldap.dn.is_dn(text))


def normal(dn: str) -> str:
    """A form in which equal DNs of one server are equal texts: lower case, no spaces around commas, one escaping."""
    if _PLAIN.fullmatch(dn) and ", " not in dn and " ," not in dn and " =" not in dn and "= " not in dn:
        return dn.lower()
    try:
        return str(ldap.dn.dn2str(ldap.dn.str2dn(dn))).lower()
    except ldap.DECODING_ERROR:
        return dn.lower()


def first(dn: str) -> tuple[str, str] | None:
    """Attribute (in lower case) and value of the RDN, or None if it has several."""
    head, comma, _ = dn.partition(",")
    attribute, equals, value = head.partition("=")
    if comma and equals and _PLAIN.fullmatch(head):
        return attribute.strip(" ").lower(), value.strip(" ")
    try:
        parts = ldap.dn.str2dn(dn)
    except ldap.DECODING_ERROR:
        return None
    if not parts or len(parts[0]) != 1:
        return None
    return str(parts[0][0][0]).lower(), str(parts[0][0][1])


def parent(dn: str) -> str:
    """The DN without its first RDN."""
    try:
        return str(ldap.dn.dn2str(ldap.dn.str2dn(dn)[1:]))
    except ldap.DECODING_ERROR:
        return ""


def guid_bytes(text: str) -> bytes | None:
    """The octets of an objectGUID written as people write it, or None."""
    try:
        found = uuid.UUID(text)
    except ValueError:
        return None
    return found.bytes_le if str(found) == text.lower() else None


def sid_text(value: bytes) -> str:
    """A security identifier as ``S-1-5-21-…``."""
    parts = [int.from_bytes(value[at : at + 4], "little") for at in range(8, len(value), 4)]
    return "-".join(["S", str(value[0]), str(int.from_bytes(value[2:8], "big")), *map(str, parts)])


def guid_text(value: bytes) -> str:
    return str(uuid.UUID(bytes_le=value)) if len(value) == 16 else value.hex()


def unescaped(dn: str, plain: str) -> str:
    """The value of the first RDN of a well-formed DN; ``plain`` where the text is none or has several values there."""
    found = first(dn) if is_dn(dn) else None
    return found[1] if found is not None else plain
