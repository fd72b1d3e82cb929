"""``proxeny transform``: try a transformation on a document; ``proxeny transform check``: verify transformations.

Exit status of a try: 0 there is an output, 3 the entity is skipped (condition, ignore, entity type absent), 1 failed.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import click
import orjson

from proxeny.cli.options import ExistingFile, pairs
from proxeny.cli.output import json_option, write_error, write_json
from proxeny.connectors.spec import Direction, Role
from proxeny.documents import Document
from proxeny.provisioning.workbench import Workbench
from proxeny.transform import Operation, Problem, Result, Trace, TransformationError, check_transformation

EXIT_CODES = {"ok": 0, "failed": 1, "skipped": 3}

_OPERATIONS = ("read", "create", "update", "patch", "delete")


@dataclass(frozen=True, slots=True)
class Trial:
    """One way to run a transformation, for one document or many."""

    bench: Workbench
    entity: str
    operation: Operation
    variables: Mapping[str, Any]
    after_patch: Document | None

    def run(self, document: Document) -> Result:
        return self.bench.run(
            self.entity, self.operation, document, variables=self.variables, after_patch=self.after_patch
        )

    def explain(self, document: Document) -> Trace | Result:
        return self.bench.explain(
            self.entity, self.operation, document, variables=self.variables, after_patch=self.after_patch
        )


@click.command()
@click.argument("files", nargs=-1, metavar="FILE.json [INPUT.json|-]")
@click.option("--type", "type_name", metavar="TYPE", help="Use the default transformation of a system type; no FILE.")
@click.option("--role", type=click.Choice(["source", "target", "proxy"]), default="proxy", show_default=True)
@click.option("--direction", type=click.Choice(["read", "write"]), default="read", show_default=True)
@click.option("--entity", default="user", show_default=True, help="Entity type: user, group or another.")
@click.option("--operation", type=click.Choice(_OPERATIONS), help="Default: read, or create when writing.")
@click.option("--property", "properties", multiple=True, callback=pairs, metavar="K=V", help="A %k% of the text.")
@click.option("--variable", "variables", multiple=True, callback=pairs, metavar="K=V", help="A ${k} of the text.")
@click.option("--after-patch", type=ExistingFile, help="The resource after the patch, which conditions look at.")
@click.option("--explain", is_flag=True, help="Say what each mapping did.")
@click.option("--lines", is_flag=True, help="One document a line in, one result a line out.")
@json_option
@click.pass_context
def transform(
    context: click.Context,
    files: tuple[str, ...],
    type_name: str | None,
    role: Role,
    direction: Direction,
    entity: str,
    operation: Operation | None,
    properties: Mapping[str, str],
    variables: Mapping[str, str],
    after_patch: Path | None,
    explain: bool,
    lines: bool,
    as_json: bool,
) -> None:
    """Run a transformation on a document and print what comes out. (`proxeny transform check` verifies files.)

    Without INPUT, or with "-", the document is read from standard input.
    """
    text_file, input_file = _arguments(files, type_name)
    if type_name:
        bench = Workbench.of_type(type_name, role=role, direction=direction, properties=properties)
    else:
        bench = _from_file(Path(text_file or ""), role, direction, properties)
    patched = _document(after_patch.read_bytes(), str(after_patch)) if after_patch else None
    trial = Trial(bench, entity, operation or ("read" if direction == "read" else "create"), variables, patched)
    with click.open_file(input_file or "-", "rb") as stream:
        if lines:
            context.exit(_all_lines(trial, stream))
        document = _document(stream.read(), input_file or "standard input")
    if explain:
        context.exit(_explained(trial.explain(document), as_json))
    context.exit(_printed(trial.run(document)))


@click.command("transform check")
@click.argument("files", nargs=-1, required=True, type=ExistingFile, metavar="FILE.json...")
@json_option
@click.pass_context
def transform_check(context: click.Context, files: tuple[Path, ...], as_json: bool) -> None:
    """Verify transformations: every problem with file, line and column; exit 1 if there is an error."""
    findings = [(path, problem) for path in files for problem in _problems(path)]
    errors = sum(problem.severity == "error" for _, problem in findings)
    if as_json:
        write_json([_as_document(path, problem) for path, problem in findings])
    else:
        for path, problem in findings:
            write_error(_sentence(path, problem))
        click.echo(f"{len(files)} checked, {errors} {'error' if errors == 1 else 'errors'}.")
    context.exit(1 if errors else 0)


def _arguments(files: tuple[str, ...], type_name: str | None) -> tuple[str | None, str | None]:
    """The transformation's file and the input's, each if named."""
    most = 1 if type_name else 2
    if len(files) > most:
        raise click.UsageError("Too many files: name a transformation (or --type TYPE) and one input.")
    if type_name:
        return None, files[0] if files else None
    if not files:
        raise click.UsageError("Name a file with a transformation, or a system type with --type.")
    if not Path(files[0]).is_file():
        raise click.UsageError(f"There is no file {files[0]}.")
    return files[0], files[1] if len(files) > 1 else None


def _from_file(path: Path, role: Role, direction: Direction, properties: Mapping[str, str]) -> Workbench:
    try:
        text = _text(path)
    except UnicodeDecodeError as error:
        write_error(_sentence(path, _no_text(error)))
        raise SystemExit(1) from None
    try:
        return Workbench.of_text(text, name=str(path), role=role, direction=direction, properties=properties)
    except TransformationError as error:
        for problem in error.problems:
            write_error(_sentence(path, problem))
        raise SystemExit(1) from None


def _problems(path: Path) -> tuple[Problem, ...]:
    try:
        return check_transformation(_text(path), name=str(path))
    except UnicodeDecodeError as error:
        return (_no_text(error),)


def _text(path: Path) -> str:
    return path.read_bytes().decode()


def _no_text(error: UnicodeDecodeError) -> Problem:
    """What is wrong with a file in another encoding: half of its text would be lost without a word."""
    line_start = error.object.rfind(b"\n", 0, error.start) + 1
    line = error.object.count(b"\n", 0, error.start) + 1
    column = len(error.object[line_start : error.start].decode("utf-8", "replace")) + 1
    message = f"the file is not UTF-8 (byte 0x{error.object[error.start]:02x}); save it as UTF-8 and try again"
    return Problem(message, "error", line=line, column=column)


def _document(content: bytes, name: str) -> Document:
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise click.UsageError(f"{name} is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise click.UsageError(f"{name} must hold one JSON object.")
    return document


def _printed(result: Result) -> int:
    if result.status == "ok":
        write_json(result.document)
    else:
        write_error(f"{result.status}: {result.message} ({result.reason})")
    return EXIT_CODES[result.status]


def _explained(outcome: Trace | Result, as_json: bool) -> int:
    if isinstance(outcome, Result):
        return _printed(outcome)
    if as_json:
        write_json(outcome.to_document())
    else:
        click.echo(outcome.render(), nl=False)
    if outcome.result.status != "ok":
        write_error(f"{outcome.result.status}: {outcome.result.message} ({outcome.result.reason})")
    return EXIT_CODES[outcome.result.status]


def _all_lines(trial: Trial, stream: IO[bytes]) -> int:
    """One JSON result a line; 1 if any document failed."""
    failed = False
    for line in _results(trial, stream):
        failed |= line["status"] == "failed"
        sys.stdout.buffer.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
    sys.stdout.buffer.flush()
    return int(failed)


def _results(trial: Trial, stream: IO[bytes]) -> Iterator[Document]:
    for number, line in enumerate(stream, start=1):
        if not line.strip():
            continue
        try:
            document = _document(line, f"line {number}")
        except click.UsageError as error:
            yield {"status": "failed", "document": None, "reason": error.message}
            continue
        result = trial.run(document)
        ok = result.status == "ok"
        yield {
            "status": result.status,
            "document": result.document if ok else None,
            "reason": None if ok else f"{result.reason}: {result.message}",
        }


def _sentence(path: Path, problem: Problem) -> str:
    """``file:line:column: severity: where: what``, and the faulty text with a caret under its place."""
    position = f":{problem.line}" + (f":{problem.column}" if problem.column else "") if problem.line else ""
    where = [problem.entity_type, f"mapping {problem.mapping}" if problem.mapping else None, problem.key]
    named = " ".join(part for part in where if part)
    sentence = f"{path}{position}: {problem.severity}: {named + ': ' if named else ''}{problem.message}"
    if problem.excerpt is None:
        return sentence
    caret = f"\n    {' ' * problem.caret}^" if problem.caret is not None else ""
    return f"{sentence}\n    {problem.excerpt}{caret}"


def _as_document(path: Path, problem: Problem) -> Document:
    return {
        "severity": problem.severity,
        "file": str(path),
        "line": problem.line,
        "column": problem.column,
        "entity": problem.entity_type,
        "mapping": problem.mapping,
        "key": problem.key,
        "message": problem.message,
    }
