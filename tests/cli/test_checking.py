"""``proxeny check``: everything that is wrong, at once, with its place; nothing is started or made."""

import json
from pathlib import Path

from tests.cli.conftest import Run


def test_a_configuration_in_order_is_said_so(proxeny: Run, home: Path) -> None:
    result = proxeny("check")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "in order" in result.stdout
    assert not (home / "var").exists()


def test_mistakes_of_settings_systems_and_transformations_come_together(proxeny: Run, home: Path) -> None:
    (home / "proxeny.toml").write_text('[server]\nport = "many"\n')
    (home / "systems/two.json").write_text(
        '{"id": "two", "accessMode": "PROXY", "connectorTypeString": "SCIM_SYSTEM", '
        '"readTransformation": "two.read.json"}'
    )
    (home / "systems/two.read.json").write_text(
        '{"user": {"mappings": [\n{"sourcePath": "$.a[", "targetPath": "$.b"}]}}'
    )
    findings = json.loads(proxeny("check", "--json").stdout)
    errors = [(Path(each["file"]).name, each["line"]) for each in findings if each["severity"] == "error"]
    assert ("proxeny.toml", 2) in errors
    assert ("two.read.json", 2) in errors
    said = proxeny("check")
    assert said.exit_code == 1
    assert f"{len(errors)} mistakes" in said.stderr


def test_all_mistakes_of_a_system_file_come_together(proxeny: Run, home: Path) -> None:
    (home / "systems/two.json").write_text(
        json.dumps(
            {
                "id": "two",
                "accessMode": "PROXY",
                "connectorTypeString": "SCIM_SYSTEM",
                "properties": {"put.activ": "keep", "page.max": "ten"},
                "encryptedProperties": {"Password": "${env:NOT_SET_ANYWHERE}"},
                "readTransformation": {"user": {"mappings": [{"sourcePath": "$.a[", "targetPath": "$.b"}]}},
                "writeTransformation": "nowhere.json",
            }
        )
    )
    (home / "systems/three.json").write_text('{"id": "two", "accessMode": "PROXI", "connectorTypeString": "X"}')
    findings = json.loads(proxeny("check", "--json").stdout)
    places = {(Path(each["file"]).name, each["place"]) for each in findings if each["severity"] == "error"}
    assert places >= {
        ("two.json", "encryptedProperties.Password"),
        ("two.json", "properties.put.activ"),
        ("two.json", "properties.page.max"),
        ("two.json", "writeTransformation"),
        ("two.json", "id"),
        ("three.json", "accessMode"),
    }
    assert any("$.a[" in each["message"] or "brackets" in each["message"] for each in findings)


def test_serve_says_all_that_check_says_and_starts_nothing(proxeny: Run, home: Path) -> None:
    (home / "systems/two.json").write_text('{"id": "two", "accessMode": "PROXI", "connectorTypeString": "X"}')
    settings = '[server]\nport = {}\n[directory]\nproperties = {{"put.activ" = "keep"}}\n'
    for port, place in (("0", "put.activ"), ('"many"', "server.port")):
        (home / "proxeny.toml").write_text(settings.format(port))
        checked, served = proxeny("check"), proxeny("serve", "--workers", "2")
        assert (served.exit_code, served.stderr) == (1, checked.stderr)
        for named in (place, "two.json", "accessMode", "nothing was started"):
            assert named in served.stderr
    assert not (home / "var").exists()


def test_what_the_command_line_says_wins_when_serve_looks_for_mistakes(proxeny: Run, home: Path) -> None:
    (home / "proxeny.toml").write_text('[server]\nport = "many"\n')
    served = proxeny("serve", "--port", "1", "--host", "no host")
    assert served.exit_code == 1
    assert "server.port" not in served.stderr
    assert "server.host" in served.stderr


def test_a_missing_configuration_is_said(proxeny: Run) -> None:
    result = proxeny("check", "--config", "none.toml")
    assert result.exit_code == 1
    assert "none.toml" in result.stderr


def test_a_mistake_inside_of_a_system_file_is_said_with_its_line_and_column_there(proxeny: Run, home: Path) -> None:
    file = home / "systems/two.json"
    lines = (
        '{"id": "two", "accessMode": "PROXY", "connectorTypeString": "LOCAL_IDENTITY_DIRECTORY", "readTransformation":',
        '  {"user": {"mappings": [{"sourcePath": "$.id", "targetVariable": "entityIdSourceSystem"},',
        '    {"sourcePath": "$.a", "targetPath": "$.a", "sorcePath": "$.b"},',
        '    {"sourcePath": "$.c", "targetPath": "$.c", "functions": [{"function": "upperCse"}]}]}}}',
    )
    file.write_text("\n".join(lines))
    column = lines[3].index("upperCse") + 1
    said = proxeny("check").stderr.splitlines()
    place = "readTransformation user mapping 3 functions[0].function"
    assert f"{file}:4:{column}: {place}: there is no function 'upperCse'" in said
    assert any(line.startswith(f"warning: {file}:3:") for line in said)
    assert (4, column) in [(each["line"], each["column"]) for each in json.loads(proxeny("check", "--json").stdout)]


def test_a_name_that_two_systems_have_is_called_a_name(proxeny: Run, home: Path) -> None:
    (home / "systems/two.json").write_text((home / "systems/hr.json").read_text().replace('"hr"', '"two"'))
    findings = json.loads(proxeny("check", "--json").stdout)
    assert [(Path(each["file"]).name, each["place"]) for each in findings] == [("two.json", "name")]


def test_a_certificate_with_the_key_of_another_is_found_before_the_start(proxeny: Run, home: Path) -> None:
    for command in (("ca",), ("server", "localhost"), ("client", "other")):
        proxeny("cert", *command, "--directory", str(home))
    tls = '[server.tls]\ncertificate = "server.crt"\nkey = "{}.key"\n'
    (home / "proxeny.toml").write_text(tls.format("server"))
    assert proxeny("check").exit_code == 0
    (home / "proxeny.toml").write_text(tls.format("other"))
    (finding,) = json.loads(proxeny("check", "--json").stdout)
    assert finding["place"] == "server.tls"
    assert "key values mismatch" in finding["message"]


def test_what_cannot_be_a_host_is_found_before_the_start(proxeny: Run, home: Path) -> None:
    (home / "proxeny.toml").write_text('[server]\nhost = "no host"\n')
    (finding,) = json.loads(proxeny("check", "--json").stdout)
    assert (finding["place"], finding["line"]) == ("server.host", 2)


def test_a_wrong_access_mode_hides_no_other_mistake_of_its_file(proxeny: Run, home: Path) -> None:
    mappings = [{"sourcePath": "$.a[", "targetPath": "$.b"}]
    wrong = {
        "id": "two",
        "accessMode": "PROXI",
        "connectorTypeString": "SCIM_SYSTEM",
        "properties": {"put.activ": "keep", "page.max": "ten"},
        "readTransformation": {"user": {"mappings": mappings}},
    }
    (home / "systems/two.json").write_text(json.dumps(wrong))
    errors = [each for each in json.loads(proxeny("check", "--json").stdout) if each["severity"] == "error"]
    places = {each["place"] for each in errors}
    assert {"accessMode", "properties.put.activ", "properties.page.max", "properties.URL"} <= places
    assert any(place.startswith("readTransformation user mapping 1") for place in places)


def test_a_property_that_nothing_reads_is_a_warning_with_what_may_be_meant(proxeny: Run, home: Path) -> None:
    used = [{"constant": "%my.key%", "targetPath": "$.title"}, {"sourcePath": "$", "targetPath": "$"}]
    mappings = [{"sourcePath": "$.id", "targetVariable": "entityIdSourceSystem"}, *used]
    system = {
        "id": "two",
        "accessMode": "PROXY",
        "connectorTypeString": "LOCAL_IDENTITY_DIRECTORY",
        "properties": {"bogus": "1", "dialects": "strict", "my.key": "used", "page.max": "50"},
        "readTransformation": {"user": {"mappings": mappings}},
    }
    (home / "systems/two.json").write_text(json.dumps(system))
    result = proxeny("check", "--json")
    assert result.exit_code == 0
    said = {each["place"]: (each["severity"], each["message"]) for each in json.loads(result.stdout)}
    assert said["properties.bogus"] == ("warning", "is read by nothing here")
    assert said["properties.dialects"] == ("warning", "is read by nothing here; did you mean dialect?")
    assert not {"properties.my.key", "properties.page.max"} & said.keys()
