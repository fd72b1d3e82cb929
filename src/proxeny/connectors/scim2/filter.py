"""Native filter → filter text for a SCIM server (RFC 7644 §3.4.2.2)."""

from collections.abc import Sequence

from proxeny.connectors.filtering import AllOf, AnyElement, AnyOf, Compare, Field, NativeFilter, Negation
from proxeny.scim.filter import ast
from proxeny.scim.filter.render import render


def filter_text(where: NativeFilter | None, native_filter: str | None) -> tuple[str | None, bool]:
    """The filter to send, and whether it says all of ``where``; what cannot be said is left out (a superset).

    ``native_filter`` is the operator's own text, in parentheses and in front, so that its ``or`` stays inside.
    """
    tree = translate(where) if where is not None else None
    said = where is None or (tree is not None and _whole(where))
    own = native_filter.strip() if native_filter else ""
    if tree is None:
        return own or None, said
    text = render(tree)
    if not own:
        return text, said
    return f"({own}) and {f'({text})' if isinstance(tree, ast.Or) else text}", said


def translate(where: NativeFilter) -> ast.Filter | None:
    """The SCIM filter that admits at least what ``where`` admits; None if nothing of it can be said."""
    match where:
        case Compare(field, operator, value):
            path = path_of(field)
            if path is None:
                return None
            return ast.Present(path) if operator == "pr" else ast.Comparison(path, operator, value)
        case AnyElement(field, inner):
            path, term = path_of(field), translate(inner) if _whole(inner) else None
            return ast.ValuePath(path, term) if path is not None and term is not None else None
        case AllOf(terms):
            return _joined(ast.And, [made for term in terms if (made := translate(term)) is not None])
        case AnyOf(terms):
            made_all = [translate(term) for term in terms]
            known = [made for made in made_all if made is not None]
            return _joined(ast.Or, known) if len(known) == len(made_all) else None
        case Negation(term):
            made = translate(term) if _whole(term) else None
            return ast.Not(made) if made is not None else None


def _joined(kind: type[ast.And] | type[ast.Or], terms: Sequence[ast.Filter]) -> ast.Filter | None:
    if len(terms) < 2:
        return terms[0] if terms else None
    return kind(tuple(terms))


def _whole(where: NativeFilter) -> bool:
    """Whether every part of the filter can be said in SCIM, so that nothing is left out."""
    match where:
        case Compare(field):
            return path_of(field) is not None
        case AnyElement(field, inner):
            return path_of(field) is not None and _whole(inner)
        case AllOf(terms) | AnyOf(terms):
            return all(map(_whole, terms))
        case Negation(term):
            return _whole(term)


def path_of(field: Field) -> ast.AttributePath | None:
    """``("urn:…:User", "manager", "value")`` as a path; None for what the grammar cannot name."""
    urn, names = (field[0], field[1:]) if field and ":" in field[0] else (None, field)
    if not 1 <= len(names) <= 2 or not all(_nameable(name) for name in names):
        return None
    return ast.AttributePath(names[0], names[1] if len(names) == 2 else None, urn)


def _nameable(name: str) -> bool:
    return (
        bool(name)
        and name.isascii()
        and (name[0].isalpha() or name == "$ref")
        and all(char.isalnum() or char in "-_$" for char in name)
    )
