"""The text of filters: the standard's examples, the limits, and parsing as the inverse of rendering."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxeny.scim.errors import InvalidFilterError, InvalidPathError
from proxeny.scim.filter.ast import And, AttributePath, Comparison, Filter, Not, Or, Present, ValuePath
from proxeny.scim.filter.parser import FilterLimits, parse_attribute_path, parse_filter, parse_path
from proxeny.scim.filter.render import render

HERE = Path(__file__).parent
URN = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


@pytest.mark.parametrize("text", json.loads((HERE / "rfc_filters.json").read_text()))
def test_the_examples_of_the_standard_are_read_strictly_and_rendered_back(text: str) -> None:
    tree = parse_filter(text, lenient=False)
    assert parse_filter(render(tree), lenient=False) == tree


def test_published_filters_are_read_and_rendered_in_canonical_form(corpus: Path) -> None:
    published = corpus / "vectors/scim-filter/go_filter_parser.json"
    own = {
        "valid_filters": ["a pr"],
        "canonical_precedence": [{"input": "(a pr and b pr) or c pr", "canonical": "a pr and b pr or c pr"}],
    }
    vectors = json.loads(published.read_text()) if published.is_file() else own
    for text in vectors["valid_filters"]:
        assert parse_filter(render(parse_filter(text))) == parse_filter(text)
    for case in vectors["canonical_precedence"]:
        assert render(parse_filter(case["input"])) == case["canonical"]


@pytest.mark.parametrize("case", json.loads((HERE / "refused_filters.json").read_text()), ids=lambda case: case["text"])
def test_a_mistake_is_shown_with_its_column_and_a_caret(case: dict[str, object]) -> None:
    with pytest.raises(InvalidFilterError) as caught:
        parse_filter(str(case["text"]))
    message, _shown, caret = caught.value.detail.split("\n")
    assert message.endswith(f"at column {case['column']}:")
    assert caret == " " * (int(str(case["column"])) - 1) + "^"


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ('emails[0].value eq "x"', Comparison(AttributePath("emails", "value"), "eq", "x")),
        ('emails[*] eq "x"', Comparison(AttributePath("emails"), "eq", "x")),
        ("externalId eq 00u1", Comparison(AttributePath("externalId"), "eq", "00u1")),
        ("a eq 'it\\'s'", Comparison(AttributePath("a"), "eq", "it's")),
        ("a eq TRUE", Comparison(AttributePath("a"), "eq", True)),
        ("not a pr", Not(Present(AttributePath("a")))),
        ("a EQ nULL", Comparison(AttributePath("a"), "eq", None)),
    ],
)
def test_lenient_reading_takes_what_clients_send_and_strict_reading_does_not(text: str, tree: Filter) -> None:
    assert parse_filter(text) == tree
    with pytest.raises(InvalidFilterError):
        parse_filter(text, lenient=False)


@pytest.mark.parametrize(
    ("text", "value"), [("1", 1), ("-0.5", -0.5), ("2e3", 2000.0), ("12345678901234567890", 12345678901234567890)]
)
def test_numbers_are_read_as_json_has_them(text: str, value: float) -> None:
    assert parse_filter(f"a eq {text}") == Comparison(AttributePath("a"), "eq", value)


def test_a_comparison_behind_brackets_joins_the_filter_in_them() -> None:
    work = Comparison(AttributePath("type"), "eq", "work")
    ann = Comparison(AttributePath("value"), "eq", "ann")
    assert parse_filter('emails[type eq "work"].value eq "ann"') == ValuePath(AttributePath("emails"), And((work, ann)))
    assert parse_filter('emails[a pr or b pr].value eq "ann"') == ValuePath(
        AttributePath("emails"), And((Or((Present(AttributePath("a")), Present(AttributePath("b")))), ann))
    )


def test_a_urn_may_hold_dots() -> None:
    assert parse_attribute_path(f"{URN}:manager.$ref") == AttributePath("manager", "$ref", URN)


@pytest.mark.parametrize(
    "text",
    [
        "not(" * 10_000,
        "not(" * 33 + "a pr" + ")" * 33,
        "not " * 33 + "a pr",
        "(" * 40 + "a pr",
        "a pr or " * 5000 + "a pr",
        "a pr or " * 200 + "a pr",
        "a" + ".a" * 3000 + " pr",
        'a eq "' + "x" * 1_000_000 + '"',
        "a[" * 5000,
    ],
    ids=lambda text: text[:12],
)
def test_no_text_is_too_much_for_the_parser(text: str) -> None:
    with pytest.raises(InvalidFilterError):
        parse_filter(text)


def test_what_is_just_within_the_limits_is_read() -> None:
    assert parse_filter("not(" * 32 + "a pr" + ")" * 32)
    assert parse_filter("a pr or " * 199 + "a pr")
    assert parse_filter("a pr", limits=FilterLimits(depth=0, length=4, terms=1))


def test_a_patch_path_has_no_index_and_nothing_behind_it() -> None:
    path, tree = parse_path('emails[type eq "work"].value')
    assert (path, tree) == (AttributePath("emails", "value"), Comparison(AttributePath("type"), "eq", "work"))
    for text in ("emails[0].value", "emails pr", "emails[type pr] x", "emails[type pr", "", "a" + ".a" * 3000):
        with pytest.raises(InvalidPathError):
            parse_path(text)


names = st.sampled_from(["userName", "emails", "a-b", "_x", "not", "And", "$ref"])
paths = st.builds(AttributePath, names, st.none() | names, st.none() | st.just(URN))
plain = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
values = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | plain
    | st.floats(allow_nan=False, allow_infinity=False)
)
operators = st.sampled_from(["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"])


def not_a_keyword(path: AttributePath) -> bool:
    return path.urn is not None or path.sub is not None or path.name.lower() not in ("not", "and", "or")


leaves = st.builds(Comparison, paths.filter(not_a_keyword), operators, values) | st.builds(
    Present, paths.filter(not_a_keyword)
)


def grown(inner: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    terms = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.builds(Not, inner) | st.builds(And, terms) | st.builds(Or, terms)


flat: st.SearchStrategy[Filter] = st.recursive(leaves, grown, max_leaves=4)
in_brackets = st.builds(ValuePath, paths.filter(lambda path: path.sub is None and not_a_keyword(path)), flat)
trees: st.SearchStrategy[Filter] = st.recursive(leaves | in_brackets, grown, max_leaves=8)


@given(trees)
def test_parsing_is_the_inverse_of_rendering(tree: Filter) -> None:
    assert repr(parse_filter(render(tree), limits=FilterLimits(terms=10_000))) == repr(tree)


@given(st.text(alphabet="ab.\"\\'()[] eqpr01:$\n", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        tree = parse_filter(text)
    except InvalidFilterError:
        return
    assert parse_filter(render(tree)) == tree


@given(
    st.sampled_from(["userName", "not", "NOT", "and", "or", "name.familyName", "a.b.c", "$x", "1a", "true", "é"]),
    st.sampled_from(["eq", "EQ", "co", "sw", "ew", "pr", "is"]),
    st.text(alphabet='ab"\\ \u00e9\u0130\x01\x7f()[]', max_size=5),
)
def test_what_nearly_every_client_sends_means_the_same_as_any_other_spelling_of_it(
    name: str, operator: str, value: str
) -> None:
    def read(text: str) -> Filter | None:
        try:
            return parse_filter(text)
        except InvalidFilterError:
            return None

    assert read(f'{name} {operator} "{value}"') == read(f' {name}  {operator}  "{value}" ')
