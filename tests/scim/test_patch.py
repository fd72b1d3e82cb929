"""PATCH: cases by name, published vectors, a simple model, an independent implementation, and large groups."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError
from scim2_models import Context, PatchOp, SCIMException, User

from proxeny.documents import Document
from proxeny.scim.errors import (
    BadRequestError,
    InvalidSyntaxError,
    MutabilityError,
    NoTargetError,
    PayloadTooLargeError,
)
from proxeny.scim.filter.ast import AttributePath
from proxeny.scim.patch import (
    PATCH_SCHEMA,
    PatchOperation,
    apply_patch,
    membership_changes,
    parse_patch,
    patch_document,
    split_memberships,
    touched_paths,
)
from proxeny.scim.schema import ENTERPRISE_USER, GROUP_TYPE, USER, USER_TYPE, ResourceType, Schema

CASES = json.loads((Path(__file__).parent / "patch_cases.json").read_text())


def parsed(ops: list[Any], resource_type: ResourceType = USER_TYPE, **options: Any) -> tuple[PatchOperation, ...]:
    return parse_patch({"schemas": [PATCH_SCHEMA], "Operations": ops}, resource_type, **options)


def patched(resource: Document, ops: list[Any], resource_type: ResourceType = USER_TYPE, **options: Any) -> Document:
    return apply_patch(resource, parsed(ops, resource_type, **options), resource_type)


@pytest.mark.parametrize("case", CASES["cases"], ids=lambda case: case["name"])
def test_patch(case: dict[str, Any]) -> None:
    before = json.dumps(CASES["user"])
    if "refused" in case:
        with pytest.raises(BadRequestError) as caught:
            patched(CASES["user"], case["ops"])
        assert caught.value.scim_type == case["refused"]
    else:
        expected = {name: value for name, value in {**CASES["user"], **case["expect"]}.items() if value is not None}
        assert patched(CASES["user"], case["ops"]) == expected
    assert json.dumps(CASES["user"]) == before


@pytest.mark.parametrize("case", [case for case in CASES["cases"] if "expect" in case], ids=lambda case: case["name"])
def test_the_canonical_message_does_the_same_as_what_was_sent(case: dict[str, Any]) -> None:
    operations = parsed(case["ops"], resource_id="u-1")
    if operations:
        again = parse_patch(patch_document(operations), USER_TYPE)
        assert apply_patch(CASES["user"], again, USER_TYPE) == patched(CASES["user"], case["ops"])


def assigned(value: Any) -> Any:
    """Without what RFC 7643 §2.5 counts as not assigned, nor meta and schemas."""
    if isinstance(value, dict):
        parts = {name: assigned(part) for name, part in value.items() if name not in ("meta", "schemas")}
        return {name: part for name, part in parts.items() if part not in (None, [], {})}
    return [assigned(part) for part in value] if isinstance(value, list) else value


DIFFERENT = {
    "scim-patch#44": "that library takes a sub-attribute that no schema has; here it is invalidPath",
    "scimmy remove#3": "there a null $ref in the value means a member without $ref; here it means nothing, for Entra",
}


def test_published_vectors_on_which_two_libraries_agree(corpus: Path) -> None:
    published = corpus / "vectors/scim-patch/agreed.json"
    own = [
        {
            "name": "own",
            "resource": {"userName": "a"},
            "operations": [{"op": "add", "path": "title", "value": "T"}],
            "result": {"userName": "a", "title": "T"},
        }
    ]
    cases = json.loads(published.read_text())["cases"] if published.is_file() else own
    members = tuple(attribute for attribute in GROUP_TYPE.schema.attributes if attribute.name == "members")
    schema = Schema(USER, "User", "", USER_TYPE.schema.attributes + members)
    with_members = ResourceType("User", "Users", schema, USER_TYPE.extensions)
    for case in cases:
        if case["name"] in DIFFERENT:
            continue
        ops = [{**op, "op": str(op.get("op")).lower()} for op in case["operations"]]
        try:
            result = patched(case["resource"], ops, with_members, dialect=frozenset({"filtered-write-creates"}))
        except BadRequestError:
            assert case.get("refused"), case["name"]
        else:
            assert not case.get("refused"), case["name"]
            assert assigned(result) == assigned(case["result"]), case["name"]


def test_what_no_operation_touches_is_shared_and_what_one_touches_is_not() -> None:
    user = CASES["user"]
    result = patched(user, [{"op": "add", "path": 'emails[type eq "work"].display', "value": "x"}])
    assert result["name"] is user["name"]
    assert result["emails"][1] is user["emails"][1]
    assert result["emails"][0] is not user["emails"][0]


def test_a_filter_that_chooses_nothing_makes_what_it_describes_where_that_is_tolerated() -> None:
    options = {"dialect": frozenset({"filtered-write-creates"})}
    ops = [{"op": "replace", "path": 'phoneNumbers[type eq "work" and primary eq "True"].value', "value": "+47 2"}]
    expected = [{"type": "work", "primary": True, "value": "+47 2"}]
    assert patched({}, ops, **options)["phoneNumbers"] == expected
    with pytest.raises(NoTargetError):
        patched({}, [{"op": "replace", "path": 'phoneNumbers[type ne "work"].value', "value": "1"}], **options)


def test_an_equal_id_is_dropped_when_the_url_says_which() -> None:
    assert parsed([{"op": "replace", "value": {"id": "u-1"}}], resource_id="u-1") == ()
    with pytest.raises(MutabilityError):
        parsed([{"op": "replace", "value": {"id": "u-2"}}], resource_id="u-1")


def test_an_operation_without_op_is_told_what_it_needs() -> None:
    with pytest.raises(InvalidSyntaxError, match="needs an 'op': add, replace or remove"):
        parsed([{"path": "title", "value": "T"}])


def test_unknown_keys_are_reported_kept_out_or_refused() -> None:
    warnings: list[str] = []
    ops = [{"op": "add", "value": {"bogus": 1, "title": "T", "name": {"bogus": 2, "givenName": "G"}}}]
    assert touched_paths(parsed(ops, warnings=warnings)) == (AttributePath("title"), AttributePath("name", "givenName"))
    assert ["bogus" in warning for warning in warnings] == [True, True]
    with pytest.raises(BadRequestError):
        parsed(ops, unknown="reject")


def test_immutable_attributes_are_set_once() -> None:
    name = "urn:sap:cloud:scim:schemas:extension:custom:2.0:Group:name"
    made = patched({"displayName": "G"}, [{"op": "add", "path": name, "value": "G"}], GROUP_TYPE)
    assert patched(made, [{"op": "replace", "path": name, "value": "G"}], GROUP_TYPE) == made
    whole = {"op": "remove", "path": name.removesuffix(":name")}
    for op in ({"op": "replace", "path": name, "value": "H"}, {"op": "remove", "path": name}, whole):
        with pytest.raises(MutabilityError):
            patched(made, [op], GROUP_TYPE)
    group = {"members": [{"value": "u-1"}]}
    with pytest.raises(MutabilityError):
        patched(group, [{"op": "replace", "path": 'members[value eq "u-1"].value', "value": "u-2"}], GROUP_TYPE)


def test_touched_paths_are_as_precise_as_can_be_told() -> None:
    ops = [
        {"op": "replace", "value": {"NAME.givenName": "x", "name": {"familyName": "y"}}},
        {"op": "add", "path": "emails", "value": [{"value": "a"}]},
        {"op": "replace", "path": 'emails[type eq "work"]', "value": {"value": "b"}},
        {"op": "remove", "path": f"{ENTERPRISE_USER.upper()}:Manager"},
        {"op": "remove", "path": ENTERPRISE_USER},
    ]
    assert [str(path) for path in touched_paths(parsed(ops))] == [
        "name.givenName",
        "name.familyName",
        "emails",
        "emails.value",
        f"{ENTERPRISE_USER}:manager",
        ENTERPRISE_USER,
    ]


MEMBERS = [{"value": f"u-{number}", "type": "User"} for number in range(5)]


@pytest.mark.parametrize(
    ("ops", "added", "removed", "replaced"),
    [
        ([{"op": "add", "path": "members", "value": [{"value": "a"}, {"value": "b"}]}], ["a", "b"], [], None),
        ([{"op": "remove", "path": 'members[value eq "a" or value eq "b"]'}], [], ["a", "b"], None),
        (
            [{"op": "remove", "path": "members", "value": [{"value": "a", "$ref": None, "display": "A"}]}],
            [],
            ["a"],
            None,
        ),
        ([{"op": "replace", "path": "members", "value": [{"value": "a"}]}], [], [], ["a"]),
        ([{"op": "replace", "value": {"members": []}}], [], [], []),
        (
            [{"op": "remove", "path": "members"}, {"op": "add", "path": "members", "value": [{"value": "a"}]}],
            ["a"],
            [],
            [],
        ),
        (
            [
                {"op": "add", "path": "members", "value": [{"value": "a"}]},
                {"op": "remove", "path": 'members[value eq "a"]'},
            ],
            [],
            ["a"],
            None,
        ),
    ],
)
def test_membership_changes(ops: list[Any], added: list[str], removed: list[str], replaced: list[str] | None) -> None:
    changes = membership_changes(parsed(ops, GROUP_TYPE))
    assert changes is not None
    assert [member["value"] for member in changes.added] == added
    assert list(changes.removed) == removed
    assert (None if changes.replaced is None else [member["value"] for member in changes.replaced]) == replaced


@pytest.mark.parametrize(
    "op",
    [
        {"op": "replace", "path": "displayName", "value": "x"},
        {"op": "remove", "path": 'members[type eq "User"]'},
        {"op": "remove", "path": 'members[value sw "u"]'},
        {"op": "replace", "path": "members.type", "value": "User"},
    ],
)
def test_more_than_membership_by_value_is_no_membership_change(op: Document) -> None:
    assert membership_changes(parsed([op, {"op": "remove", "path": "members"}], GROUP_TYPE)) is None


def test_memberships_are_told_apart_from_the_rest() -> None:
    ops = [{"op": "replace", "value": {"displayName": "G", "members": [{"value": "a"}]}}]
    rest, changes = split_memberships(parsed(ops, GROUP_TYPE))
    assert [str(operation.target) for operation in rest] == ["displayName"]
    assert changes is not None
    assert changes.replaced == ({"value": "a"},)


def test_a_member_is_the_same_whatever_else_is_said_of_it() -> None:
    group = {"displayName": "G", "members": [{"value": "u-1", "type": "User"}]}
    ops = [{"op": "add", "path": "members", "value": [{"value": "u-1", "$ref": "../Users/u-1"}, {"value": "u-2"}]}]
    assert patched(group, ops, GROUP_TYPE)["members"] == [{"value": "u-1", "type": "User"}, {"value": "u-2"}]
    ops = [{"op": "replace", "path": "members", "value": [{"value": "u-3"}, {"value": "u-3", "type": "User"}]}]
    assert patched(group, ops, GROUP_TYPE)["members"] == [{"value": "u-3"}]


def test_many_changes_to_a_large_group() -> None:
    group = {"displayName": "G", "members": [{"value": f"u-{number}"} for number in range(20_000)]}
    ops: list[Any] = [{"op": "remove", "path": f'members[value eq "u-{number}"]'} for number in range(0, 20_000, 2)]
    ops.append({"op": "add", "path": "members", "value": [{"value": f"u-{number}"} for number in range(20_003)]})
    members = patched(group, ops, GROUP_TYPE)["members"]
    assert len(members) == 20_003
    assert len({member["value"] for member in members}) == 20_003
    assert members[0] is group["members"][1]


ids = st.sampled_from(["a", "b", "c", "d"])
kinds = st.sampled_from(["work", "home"])
role = st.fixed_dictionaries({"value": ids}, optional={"type": kinds})
texts = st.sampled_from(["x", "y"])
steps = st.one_of(
    st.builds(lambda v: {"op": "replace", "path": "title", "value": v}, texts),
    st.builds(lambda v: {"op": "add", "path": "name.givenName", "value": v}, texts),
    st.builds(lambda v: {"op": "add", "path": "name", "value": {"familyName": v}}, texts),
    st.builds(lambda v: {"op": "replace", "value": {"nickName": v, "name": {"middleName": v}}}, texts),
    st.sampled_from(["title", "name", "name.givenName", "name.familyName", "roles"]).map(
        lambda path: {"op": "remove", "path": path}
    ),
    st.builds(lambda v: {"op": "add", "path": "roles", "value": v}, st.lists(role, min_size=1, max_size=3)),
    st.builds(lambda v: {"op": "replace", "path": "roles", "value": v}, st.lists(role, max_size=3)),
    st.builds(lambda v: {"op": "remove", "path": f'roles[value eq "{v}"]'}, ids),
    st.builds(lambda t: {"op": "remove", "path": f'roles[type eq "{t}"].type'}, kinds),
    st.builds(lambda v, w: {"op": "replace", "path": f'roles[value eq "{v}"].value', "value": w}, ids, ids),
    st.builds(lambda v, w: {"op": "replace", "path": f'roles[value eq "{v}"]', "value": {"display": w}}, ids, texts),
)
users = st.fixed_dictionaries(
    {"userName": texts},
    optional={
        "title": texts,
        "name": st.fixed_dictionaries({}, optional={"givenName": texts, "familyName": texts}),
        "roles": st.lists(role, max_size=4, unique_by=lambda each: (each["value"], each.get("type"))),
    },
)


def modelled(user: Document, op: Document) -> Document | None:
    """The simplest reading of one of ``steps`` on a copy; None where there is no target."""
    user = json.loads(json.dumps(user))
    path, value = op.get("path"), op.get("value")
    if path is None:
        return {**user, "nickName": value["nickName"], "name": {**user.get("name", {}), **value["name"]}}
    name, _, rest = path.partition("[")
    if rest:
        return modelled_choice(user, op, *rest.split('"')[::2], chosen=rest.split('"')[1])
    outer, _, sub = name.partition(".")
    if op["op"] == "remove":
        (user.get(outer, {}) if sub else user).pop(sub or outer, None)
    elif sub:
        user.setdefault(outer, {})[sub] = value
    elif outer == "name":
        user.setdefault("name", {}).update(value)
    elif outer == "roles":
        roles = user.get("roles", []) if op["op"] == "add" else []
        for each in value:
            if op["op"] == "replace" or not any(each.items() <= existing.items() for existing in roles):
                roles.append(each)
        user["roles"] = roles
    else:
        user[outer] = value
    return user


def modelled_choice(user: Document, op: Document, before: str, after: str, chosen: str) -> Document | None:
    attribute, sub = before.split(" ")[0], after.removeprefix("]").removeprefix(".")
    hits = [each for each in user.get("roles", []) if each.get(attribute) == chosen]
    if op["op"] != "remove" and not hits:
        return None
    for each in hits:
        if op["op"] == "remove" and not sub:
            user["roles"] = [other for other in user["roles"] if other is not each]
        elif op["op"] == "remove":
            each.pop(sub, None)
        else:
            each.update({sub: op["value"]} if sub else op["value"])
    return user


@given(users, st.lists(steps, min_size=1, max_size=8))
def test_sequences_agree_with_a_simple_model(user: Document, ops: list[Document]) -> None:
    states: list[Document | None] = [user]
    for op in ops:
        states.append(modelled(states[-1], op) if states[-1] is not None else None)
    try:
        result = patched(user, ops)
    except NoTargetError:
        assert states[-1] is None
    else:
        assert states[-1] is not None
        assert assigned(result) == assigned(states[-1])
    assert len(list(pairwise(states))) == len(ops)


def repeats(user: Document, op: Document) -> bool:
    """Whether values say the same thing more or less fully; that library keeps both, here the fuller one stays."""
    added = op["value"] if op["op"] == "add" and isinstance(op.get("value"), list) else []
    known = [each["value"] for each in user.get("roles", []) + added if isinstance(each, dict)]
    return bool(added) and len(set(known)) < len(known)


@given(users, steps)
def test_an_independent_implementation_does_the_same(user: Document, op: Document) -> None:
    assume(not repeats(user, op))
    other = User.model_validate({"schemas": [USER], **user})
    try:
        PatchOp[User].model_validate({"schemas": [PATCH_SCHEMA], "Operations": [op]}).patch(other)
    except (SCIMException, ValidationError):
        with pytest.raises(BadRequestError):
            patched(user, [op])
        return
    expected = other.model_dump(scim_ctx=Context.DEFAULT)
    assert assigned(patched(user, [op])) == assigned(expected)


def _emails(count: int) -> list[dict[str, str]]:
    return [{"value": "same@x.example", "type": f"t{number}"} for number in range(count)]


@pytest.mark.parametrize(
    "operations",
    [
        [{"op": "add", "path": "emails", "value": _emails(3_000)}],
        [{"op": "replace", "path": f'emails[type eq "t{n}"].display', "value": "x"} for n in range(600)],
        [
            {"op": "replace", "path": f'emails[value eq "{n}" or type eq "t{n}"].primary', "value": True}
            for n in range(600)
        ],
    ],
    ids=["values alike", "filters", "primaries"],
)
def test_operations_that_look_at_values_over_and_over_are_refused(operations: list[dict[str, Any]]) -> None:
    """Each looks at all that is there: a body within its limits kept everybody waiting for an hour."""
    resource = {"userName": "ann", "emails": _emails(2_000)}
    parsed = parse_patch({"schemas": [PATCH_SCHEMA], "Operations": operations}, USER_TYPE)
    with pytest.raises(PayloadTooLargeError, match="emails"):
        apply_patch(resource, parsed, USER_TYPE)
    assert resource["emails"] == _emails(2_000)
