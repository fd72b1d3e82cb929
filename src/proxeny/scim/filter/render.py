"""Syntax tree → text of a filter: the inverse of the parser, with as few parentheses as the grammar allows."""

import json

from proxeny.scim.filter.ast import And, Comparison, Filter, Not, Or, Present, ValuePath


def render(tree: Filter) -> str:
    """The text that ``parse_filter`` reads as ``tree``."""
    match tree:
        case Comparison(path, operator, value):
            return f"{path} {operator} {json.dumps(value, ensure_ascii=False)}"
        case Present(path):
            return f"{path} pr"
        case ValuePath(path, inner):
            return f"{path}[{render(inner)}]"
        case Not(term):
            return f"not ({render(term)})"
        case And(terms):
            return " and ".join(f"({render(term)})" if isinstance(term, And | Or) else render(term) for term in terms)
        case Or(terms):
            return " or ".join(f"({render(term)})" if isinstance(term, Or) else render(term) for term in terms)
