"""What must change in an entry so that it is what a document says."""

from collections.abc import Mapping, Sequence

import ldap

from proxeny.connectors.ldap import names
from proxeny.connectors.ldap.entries import SECRET
from proxeny.connectors.ldap.layout import Kind, Layout

Modification = tuple[int, str, list[bytes] | None]
Attributes = Mapping[str, list[bytes]]
_NEED_MEMBER = frozenset({"groupofnames", "groupofuniquenames"})
_PORTION = 1000


def differences(kind: Kind, layout: Layout, current: Attributes, wanted: Attributes) -> list[list[Modification]]:
    """The modifications, in requests of bounded size; ``current`` by lower-case name.

    An attribute that ``wanted`` does not name stays as it is; one with an empty list goes.
    """
    own = {kind.naming.lower(), "objectclass", *([layout.member.lower()] if kind.name == "group" else [])}
    plain: list[Modification] = []
    for name, values in wanted.items():
        low = name.lower()
        before = current.get(low, [])
        if low in own:
            continue
        if values and (low in SECRET or sorted(values) != sorted(before)):
            plain.append((ldap.MOD_REPLACE, name, values))
        elif before and not values:
            plain.append((ldap.MOD_DELETE, name, None))
    steps = [plain] if plain else []
    if kind.name == "group" and layout.member in wanted:
        steps += _member_steps(kind, layout, current, wanted[layout.member])
    return steps


def _member_steps(
    kind: Kind, layout: Layout, current: Attributes, members: Sequence[bytes]
) -> list[list[Modification]]:
    """Members by difference: who was added by others in between stays. A class that needs a member keeps one."""
    name = layout.member
    before = {names.normal(value.decode()): value for value in current.get(name.lower(), ())}
    after = {names.normal(value.decode()): value for value in members}
    placeholder = names.normal(layout.placeholder)
    added = [value for dn, value in after.items() if dn not in before]
    gone = [value for dn, value in before.items() if dn not in after and _visible(dn, layout)]
    stays = len(before) - len(gone) + len(added) - (placeholder in before)
    needed = stays <= 0 and needs_member({"objectClass": list(current.get("objectclass", ()))}, kind)
    if needed and placeholder not in before:
        added.append(layout.placeholder.encode())
    elif placeholder in before and stays > 0:
        gone.append(before[placeholder])
    return [
        *_portions(ldap.MOD_ADD, name, added),
        *_portions(ldap.MOD_DELETE, name, gone),
    ]


def _portions(operation: int, name: str, values: list[bytes]) -> list[list[Modification]]:
    starts = range(0, len(values), _PORTION)
    return [[(operation, name, values[start : start + _PORTION])] for start in starts]


def _visible(normal: str, layout: Layout) -> bool:
    """Whether documents show this member at all; one that they do not show is never taken away."""
    return "=" not in normal or any(kind.has(normal) for kind in layout.kinds.values())


def needs_member(values: Attributes, kind: Kind) -> bool:
    """Whether the entry's class demands a member."""
    given = {value.decode("utf-8", "replace").lower() for value in values.get("objectClass", ())}
    return bool(_NEED_MEMBER & (given or {each.lower() for each in kind.classes}))
