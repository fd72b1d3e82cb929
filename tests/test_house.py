"""The house keeps its own rules: where errors live, who imports whom, sizes, exports, and what the README promises."""

import ast
import importlib
import pkgutil
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import ROOT

import proxeny
from proxeny.cli import COMMANDS
from proxeny.errors import Error
from proxeny.settings import Settings
from proxeny.settings.model import Section

SOURCE = ROOT / "src/proxeny"
MODULES = sorted(SOURCE.rglob("*.py"))
FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def name_of(path: Path) -> str:
    return str(path.relative_to(SOURCE))


def tracked(*patterns: str) -> list[Path]:
    """Files that belong to the repository; without git (an unpacked archive), those of the folders that matter."""
    done = subprocess.run(["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=False)
    names = done.stdout.splitlines() if done.returncode == 0 else []
    return [path for name in names if (path := ROOT / name).is_file()] or [
        path for folder in ("src", "tests", "config", "deploy") for path in (ROOT / folder).rglob("*.py")
    ]


def lines_of(node: ast.AST) -> int:
    return (getattr(node, "end_lineno", 0) or 0) - getattr(node, "lineno", 0) + 1


def test_layers_and_forbidden_imports_hold() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-logo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_every_error_stands_in_an_errors_module_derives_from_the_root_and_is_called_error() -> None:
    misplaced = []
    for module in pkgutil.walk_packages(proxeny.__path__, "proxeny."):
        if module.name.endswith("__main__"):
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            if not (isinstance(value, type) and issubclass(value, Exception) and value.__module__ == module.name):
                continue
            if not (module.name.endswith("errors") and issubclass(value, Error) and name.endswith("Error")):
                misplaced.append(f"{module.name}.{name}")
    assert misplaced == []


def test_every_exported_name_exists_and_exports_are_sorted() -> None:
    for module in pkgutil.walk_packages(proxeny.__path__, "proxeny."):
        if module.name.endswith("__main__"):
            continue
        loaded = importlib.import_module(module.name)
        exported = getattr(loaded, "__all__", [])
        missing = [name for name in exported if not hasattr(loaded, name)]
        assert not missing, f"{module.name} exports {missing}, which it does not have"
        assert len(set(exported)) == len(exported), module.name


def test_every_module_says_what_it_is() -> None:
    silent = [name_of(path) for path in MODULES if path.read_text().strip() and not ast.get_docstring(tree(path))]
    assert silent == []


def test_modules_classes_and_functions_keep_their_size() -> None:
    too_long = []
    functions = []
    for path in MODULES:
        if (length := len(path.read_text().splitlines())) > 500:
            too_long.append(f"{name_of(path)}: {length} lines")
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ClassDef) and lines_of(node) > 200:
                too_long.append(f"{name_of(path)}: class {node.name}: {lines_of(node)} lines")
            if isinstance(node, FUNCTION):
                functions.append(lines_of(node))
                if lines_of(node) > 60:
                    too_long.append(f"{name_of(path)}: {node.name}: {lines_of(node)} lines")
    assert too_long == []
    assert statistics.median(functions) <= 10


def test_nothing_is_left_unfinished_and_every_exception_to_a_rule_has_its_reason() -> None:
    unfinished = re.compile("TO" + "DO|FIX" + "ME|NotImplemented" + r"Error\b|copy\.deep" + "copy")
    excused = re.compile(r"#\s*(type: ignore(\[[\w, -]+\])?|noqa(: [A-Z0-9, ]+)?)\s*$", re.MULTILINE)
    found = [
        f"{name_of(path)}: {hit[0]}"
        for path in MODULES
        for pattern in (unfinished, excused)
        for hit in pattern.finditer(path.read_text())
    ]
    assert found == []


def test_no_test_is_skipped() -> None:
    skips = re.compile(r"mark\.(skip|xfail|skipif)|pytest\.(skip|xfail|import" + r"orskip)\(")
    assert [path.name for path in (ROOT / "tests").rglob("*.py") if skips.search(path.read_text())] == []


def test_no_file_names_a_place_of_one_machine() -> None:
    places = re.compile(rb"(?<![\w.~-])/(?:work|root|home)/[a-z]")
    found = [str(path.relative_to(ROOT)) for path in tracked() if places.search(path.read_bytes())]
    assert found == []


def test_no_secret_of_development_is_tracked() -> None:
    names = [path.name for path in tracked()]
    assert [name for name in names if name.endswith((".key", ".p12", ".crt", ".secret"))] == []


def keys(section: type[Section], prefix: str = "") -> Iterator[str]:
    for name, information in section.model_fields.items():
        inner = next((kind for kind in _kinds(information.annotation) if issubclass(kind, Section)), None)
        if inner is None:
            yield f"{prefix}{name}"
        else:
            yield from keys(inner, f"{prefix}{name}.")


def _kinds(annotation: object) -> Iterator[type]:
    for candidate in (annotation, *getattr(annotation, "__args__", ())):
        if isinstance(candidate, type):
            yield candidate


def documented() -> dict[str, str]:
    """Key → row of the README's configuration reference."""
    reference = (ROOT / "README.md").read_text().partition("## Configuration")[2].partition("\n## ")[0]
    return {row[1]: row[0] for row in re.finditer(r"^\| `([a-z_.]+)` \|.*$", reference, re.MULTILINE)}


def test_the_readme_documents_exactly_the_settings_that_there_are() -> None:
    known = {key for key in keys(Settings) if key not in {"file", "home"}}
    assert documented().keys() == known


def test_the_example_configuration_names_every_setting() -> None:
    text = (ROOT / "config/proxeny.toml").read_text()
    missing = {
        key
        for key in keys(Settings)
        if key not in {"file", "home"} and not re.search(rf"\b{key.split('.')[-1]}\b", text)
    }
    assert missing == set()


@pytest.mark.parametrize("command", COMMANDS)
def test_the_readme_shows_every_command(command: str) -> None:
    assert f"proxeny {command}" in (ROOT / "README.md").read_text()
