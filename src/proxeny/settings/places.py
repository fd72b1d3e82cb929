"""Where in a TOML text a key stands, because the parser tells values and not lines."""

import re

_HEADER = re.compile(r"^\s*(?P<array>\[)?\[\s*(?P<name>[^\[\]]+?)\s*\](?(array)\])\s*(#.*)?$")
_KEY = re.compile(r"(?P<name>[A-Za-z0-9_\-.\"']+)\s*=(?!=)")


def key_lines(text: str) -> dict[str, int]:
    """Dotted key → line, from 1. Elements of an array of tables are ``client[0].id``; keys of an inline table on the
    line of their table are not listed, so look a place up by its longest known prefix (``line_of``)."""
    lines: dict[str, int] = {}
    counts: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = _plain(header["name"])
            if header["array"]:
                index = counts[table] = counts.get(table, -1) + 1
                table = f"{table}[{index}]"
            else:
                table = _within_array(table, counts)
            lines.setdefault(table, number)
        elif key := _KEY.match(line.strip()):
            lines.setdefault(f"{table}.{_plain(key['name'])}".lstrip("."), number)
    return lines


def line_of(place: str, lines: dict[str, int]) -> int | None:
    """The line of a place, or of the nearest key or table that holds it."""
    while place:
        if place in lines:
            return lines[place]
        place = place[: max(place.rfind("."), place.rfind("["), 0)]
    return None


def _plain(name: str) -> str:
    return re.sub(r"[\"'\s]", "", name)


def _within_array(table: str, counts: dict[str, int]) -> str:
    head, _, rest = table.partition(".")
    return f"{head}[{counts[head]}].{rest}" if rest and head in counts else table
