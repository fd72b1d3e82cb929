"""``proxeny transform``: outputs, exit statuses, lines, explanations, and the checking of files."""

import json
from pathlib import Path

import pytest
from tests.cli.running import run

TRANSFORMATION = {
    "user": {
        "condition": "$.status == 'active'",
        "mappings": [
            {"sourcePath": "$.uid", "targetPath": "$.userName"},
            {"sourcePath": "$.secret", "targetPath": "$.password", "optional": True},
            {"constant": "%company%", "targetPath": "$.company"},
            {"sourceVariable": "entityIdSourceSystem", "targetPath": "$.id", "optional": True},
        ],
    }
}


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "t.json"
    path.write_text(json.dumps(TRANSFORMATION))
    return str(path)


OPTIONS = ["--role", "source", "--property", "company=Nordwind"]


def test_the_output_document_is_printed(file: str, tmp_path: Path) -> None:
    source = tmp_path / "in.json"
    source.write_text('{"uid": "anna", "status": "active"}')
    result = run("transform", file, str(source), *OPTIONS, "--variable", "entityIdSourceSystem=u-1")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"userName": "anna", "company": "Nordwind", "id": "u-1"}


@pytest.mark.parametrize(
    ("document", "status", "said"),
    [
        ('{"uid": "anna", "status": "left"}', 3, "skipped: "),
        ('{"status": "active"}', 1, "failed: "),
    ],
)
def test_without_an_output_the_reason_is_on_standard_error(file: str, document: str, status: int, said: str) -> None:
    result = run("transform", file, "-", *OPTIONS, stdin=document)
    assert (result.exit_code, result.stdout) == (status, "")
    assert result.stderr.startswith(said)


def test_an_entity_type_that_the_transformation_lacks_is_skipped(file: str) -> None:
    assert run("transform", file, "--entity", "group", *OPTIONS, stdin="{}").exit_code == 3


def test_lines_in_are_lines_out(file: str) -> None:
    documents = ['{"uid": "a", "status": "active"}', '{"uid": "b", "status": "left"}', "broken", ""]
    result = run("transform", file, "-", "--lines", *OPTIONS, stdin="\n".join(documents))
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["status"] for line in lines] == ["ok", "skipped", "failed"]
    assert lines[0] == {"status": "ok", "document": {"userName": "a", "company": "Nordwind"}, "reason": None}
    assert all(line["reason"] for line in lines[1:])
    assert result.exit_code == 1


def test_explain_says_what_each_mapping_did_and_hides_secrets(file: str) -> None:
    document = '{"uid": "anna", "status": "active", "secret": "hush-hush"}'
    for form in ([], ["--json"]):
        result = run("transform", file, "--explain", *form, *OPTIONS, stdin=document)
        assert result.exit_code == 0
        assert "$.userName" in result.stdout
        assert "hush-hush" not in result.stdout


def test_the_default_transformation_of_a_system_type_is_tried_by_its_name() -> None:
    document = {"schemas": [], "id": "g-1", "displayName": "Staff"}
    result = run("transform", "--type", "LOCAL_IDENTITY_DIRECTORY", "--entity", "group", stdin=json.dumps(document))
    assert (result.exit_code, json.loads(result.stdout)["displayName"]) == (0, "Staff")
    assert "SCIM_SYSTEM" in run("transform", "--type", "SCIM_SISTEM", stdin="{}").stderr


@pytest.mark.parametrize("arguments", [[], ["none.json"], ["--type", "SCIM_SYSTEM", "a", "b"], ["--property", "x"]])
def test_wrong_usage_is_status_2(arguments: list[str]) -> None:
    assert run("transform", *arguments, stdin="{}").exit_code == 2


@pytest.mark.parametrize("text", ["[]", "no json"])
def test_an_input_that_is_no_document_is_wrong_usage(file: str, text: str) -> None:
    assert run("transform", file, *OPTIONS, stdin=text).exit_code == 2


def test_checking_files_names_every_problem_with_its_place(file: str, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.json"
    wrong.write_text('{"user": {"mappings": [\n{"sourcePath": "$.a[", "targetPath": "$.b"},\n{"targetPath": "$.c"}]}}')
    result = run("transform", "check", file, str(wrong))
    assert result.exit_code == 1
    assert f"{wrong}:2:" in result.stderr
    assert f"{wrong}:3:" in result.stderr
    assert file not in result.stderr
    findings = json.loads(run("transform", "check", str(wrong), "--json").stdout)
    assert {finding["mapping"] for finding in findings if finding["severity"] == "error"} == {1, 2}
    assert run("transform", "check", file).exit_code == 0


def test_a_broken_transformation_is_not_run(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_text('{"user": {"mappings": [{"sourcePath": "$.a[", "targetPath": "$.b"}]}}')
    result = run("transform", str(path), stdin="{}")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "mapping 1" in result.stderr


def test_a_file_in_another_encoding_is_a_mistake_and_no_text_with_holes(file: str, tmp_path: Path) -> None:
    latin, wide = tmp_path / "latin.json", tmp_path / "wide.json"
    text = '{"user": {"mappings": [\n{"constant": "été", "targetPath": "$.season"}]}}'
    latin.write_text(text, "latin-1")
    wide.write_text(text, "utf-16")
    result = run("transform", "check", str(latin), str(wide), file)
    assert result.exit_code == 1
    assert f"{latin}:2:15: error: the file is not UTF-8 (byte 0xe9); save it as UTF-8" in result.stderr
    assert f"{wide}:1:1: error: the file is not UTF-8" in result.stderr
    tried = run("transform", str(latin), stdin="{}")
    assert (tried.exit_code, tried.stdout) == (1, "")
    assert "save it as UTF-8" in tried.stderr
    latin.write_text(text, "utf-8-sig")
    assert run("transform", "check", str(latin)).exit_code == 0
