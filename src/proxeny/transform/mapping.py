"""The text of a transformation → checked declarations, in the order of the text, with all problems at once.

Nothing is substituted, parsed as a path or compiled here: the strings are as written, and every declaration can tell
where each of its strings stands, so that whoever reads them further can point into the text.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from proxeny.transform.checking import Checker, is_true
from proxeny.transform.declarations import (
    Declarations,
    EntityDeclaration,
    FunctionDeclaration,
    MappingDeclaration,
    Origin,
    ValueMapping,
)
from proxeny.transform.errors import Problem
from proxeny.transform.text import Source, read_text
from proxeny.transform.values import MISSING

__all__ = [
    "Declarations",
    "EntityDeclaration",
    "FunctionDeclaration",
    "MappingDeclaration",
    "Origin",
    "ValueMapping",
    "load",
    "load_document",
]

SCOPES: tuple[str, ...] = ("createEntity", "patchEntity", "deleteEntity")
KINDS: tuple[str, ...] = ("set", "remove", "rename", "valueMapping")
SKIPPABLE: tuple[str, ...] = ("create", "update", "delete")

ENTITY_KEYS = frozenset({"scimEntityEndpoint", "condition", "ignore", "skipOperations", "mappings"})
MAPPING_KEYS = frozenset(
    {
        "type", "scope", "ignore", "condition", "sourcePath", "sourcePaths", "sourceVariable", "variablePath",
        "constant", "valueMappings", "preserveArrayWithSingleElement", "functions", "defaultValue", "optional",
        "targetPath", "targetVariable", "correlationAttribute", "hashing",
    }
)  # fmt: skip
FUNCTION_KEYS = frozenset(
    {
        "function",
        "type",
        "condition",
        "applyOnElements",
        "applyOnAttribute",
        "applyOnJsonAttribute",
        "assignToAttribute",
    }
)


def load(text: str, *, name: str = "transformation") -> Declarations:
    """Read and check a transformation's text. Never raises: everything that is wrong is in ``problems``."""
    source = read_text(text)
    if any(problem.severity == "error" for problem in source.problems):
        return Declarations(name, (), source.problems)
    return _declare(source.value, name, source, source.problems)


def load_document(document: Any, *, name: str = "transformation") -> Declarations:
    """Check a transformation that is JSON already, as in an exported system; its problems have no line and column."""
    return _declare(document, name, None, ())


def _declare(document: Any, name: str, source: Source | None, problems: tuple[Problem, ...]) -> Declarations:
    checker = Checker(Origin(source).of)
    if not isinstance(document, dict):
        checker.error("a transformation is a JSON object of entity types", ())
        return Declarations(name, (), (*problems, *checker.problems))
    if isinstance(document.get("mappings"), list):
        checker.warn("mappings without an entity type are taken as those of 'user'", ("mappings",))
        entities = [_entity(checker, "user", document, Origin(source))]
    else:
        entities = [_entity(checker, key, value, Origin(source, (key,))) for key, value in document.items()]
    found = tuple(entity for entity in entities if entity)
    return Declarations(name, found, (*problems, *checker.problems))


def _entity(checker: Checker, name: str, value: Any, origin: Origin) -> EntityDeclaration | None:
    ignored = isinstance(value, dict) and is_true(value.get("ignore"))
    checker = checker.inside(origin.place, entity_type=name, ignored=ignored)
    if not isinstance(value, dict):
        checker.error(f"the entity type {name!r} must be an object with mappings", ())
        return None
    checker.unknown(value, ENTITY_KEYS, "an entity type")
    mappings = checker.objects(value, "mappings")
    if "mappings" not in value:
        checker.error("the entity type has no mappings", ())
    return EntityDeclaration(
        name=name,
        endpoint=checker.text(value, "scimEntityEndpoint"),
        condition=checker.condition(value),
        ignore=checker.flag(value, "ignore"),
        skip_operations=checker.words(value, "skipOperations", SKIPPABLE),
        mappings=tuple(
            _mapping(checker.inside((*origin.place, "mappings", place), mapping=place + 1), place + 1, item, origin)
            for place, item in mappings
        ),
        origin=origin,
    )


def _mapping(checker: Checker, number: int, value: dict[str, Any], entity: Origin) -> MappingDeclaration:
    if is_true(value.get("ignore")):
        checker = replace(checker, ignored=True)
    checker.unknown(value, MAPPING_KEYS, "a mapping")
    origin = entity.at("mappings", number - 1)
    kind = checker.choice(value, "type", KINDS, "set")
    constant, default = value.get("constant", MISSING), value.get("defaultValue", MISSING)
    declaration = MappingDeclaration(
        number=number,
        kind=kind,  # type: ignore[arg-type]  # a choice of KINDS, which are those of Kind
        scope=checker.words(value, "scope", SCOPES),
        ignore=checker.flag(value, "ignore"),
        condition=checker.condition(value),
        source_path=checker.text(value, "sourcePath"),
        source_paths=checker.texts(value, "sourcePaths"),
        source_variable=checker.text(value, "sourceVariable"),
        variable_path=checker.text(value, "variablePath"),
        constant=constant,
        value_mappings=tuple(_value_mappings(checker, value)),
        preserve=checker.flag(value, "preserveArrayWithSingleElement"),
        functions=tuple(_functions(checker, value, origin)),
        default=default,
        optional=checker.flag(value, "optional"),
        target_path=checker.text(value, "targetPath"),
        target_variable=checker.text(value, "targetVariable"),
        correlation=checker.flag(value, "correlationAttribute"),
        origin=origin,
    )
    _check_together(checker, declaration)
    return declaration


def _check_together(checker: Checker, mapping: MappingDeclaration) -> None:
    """What keys must or cannot stand together."""
    if mapping.kind in ("remove", "rename") and mapping.target_path is None:
        checker.error(f"a mapping of type {mapping.kind} needs a targetPath", ("type",))
    if mapping.kind == "rename" and not (isinstance(mapping.constant, str) and mapping.constant):
        checker.error("a mapping of type rename needs the new name as constant", ("type",))
    if mapping.kind == "valueMapping":
        _check_value_mapping(checker, mapping)
    elif mapping.kind == "set":
        _check_set(checker, mapping)


def _check_value_mapping(checker: Checker, mapping: MappingDeclaration) -> None:
    if not mapping.source_paths:
        checker.error("a mapping of type valueMapping needs sourcePaths", ("type",))
    for place, item in enumerate(mapping.value_mappings):
        if mapping.source_paths and len(item.key) != len(mapping.source_paths):
            checker.error(
                f"the key has {len(item.key)} values for {len(mapping.source_paths)} source paths",
                ("valueMappings", place, "key"),
            )
    if mapping.target_path is None and mapping.target_variable is None:
        checker.error("the mapping has no targetPath and no targetVariable", ())


def _check_set(checker: Checker, mapping: MappingDeclaration) -> None:
    sources = [
        key
        for key, given in (
            ("sourcePath", mapping.source_path is not None),
            ("sourceVariable", mapping.source_variable is not None),
            ("constant", mapping.constant is not MISSING),
        )
        if given
    ]
    if len(sources) > 1:
        checker.warn(f"{' and '.join(sources)} stand together; {sources[0]} counts", (sources[1],))
    if mapping.variable_path is not None and mapping.source_variable is None:
        checker.warn("variablePath has no effect without sourceVariable", ("variablePath",))
    if mapping.target_path is None and mapping.target_variable is None and not mapping.correlation:
        checker.error("the mapping has no targetPath, no targetVariable and is no correlationAttribute", ())
    if not sources and not mapping.functions and mapping.default is MISSING:
        checker.error("the mapping has no value: sourcePath, sourceVariable, constant or a function is missing", ())


def _value_mappings(checker: Checker, mapping: dict[str, Any]) -> Iterator[ValueMapping]:
    for place, item in checker.objects(mapping, "valueMappings"):
        key = item.get("key", MISSING)
        keys = key if isinstance(key, list) else [key]
        texts = [checker.scalar_text(part, ("valueMappings", place, "key")) for part in keys]
        if "mappedValue" not in item:
            checker.error("mappedValue is missing", ("valueMappings", place))
        yield ValueMapping(tuple(text for text in texts if text is not None), item.get("mappedValue"))


def _functions(checker: Checker, mapping: dict[str, Any], origin: Origin) -> Iterator[FunctionDeclaration]:
    for place, item in checker.objects(mapping, "functions"):
        inner = checker.inside((*origin.place, "functions", place), prefix=f"functions[{place}]")
        name = inner.text(item, "function") or inner.text(item, "type")
        if name is None:
            inner.error("the function has no name: the key 'function' is missing", ())
            continue
        yield FunctionDeclaration(
            number=place,
            name=name,
            parameters={key: value for key, value in item.items() if key not in FUNCTION_KEYS},
            condition=inner.condition(item),
            apply_on_elements=inner.flag(item, "applyOnElements"),
            apply_on_attribute=inner.text(item, "applyOnAttribute") or inner.text(item, "applyOnJsonAttribute"),
            assign_to_attribute=inner.text(item, "assignToAttribute"),
            origin=origin.at("functions", place),
        )
