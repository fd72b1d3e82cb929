"""Jobs whose source is an LDAP directory: everything once, then what has changed."""

from tests.connectors.directories import person, slapd_properties
from tests.fixtures import slapd as openldap
from tests.fixtures.fakes import Fake
from tests.fixtures.oracle import effects
from tests.fixtures.slapd import Slapd
from tests.provisioning.jobrig import JobRig

from proxeny.connectors.spi import Creator, Replacer
from proxeny.provisioning.systems.definition import SystemDefinition, TransformationText

READ = """{"user": {"mappings": [
  {"sourcePath": "$.uid[0]", "targetVariable": "entityIdSourceSystem"},
  {"sourcePath": "$.uid[0]", "targetPath": "$.userName"},
  {"sourcePath": "$.sn[0]", "targetPath": "$.name.familyName"}]}}"""


async def test_a_directory_is_read_whole_and_then_by_its_changes(
    jobs: JobRig, sink: Fake, openldap_server: Slapd
) -> None:
    openldap_server.clear()
    source = SystemDefinition(
        id="src",
        name="SRC",
        type="LDAP_SERVER",
        access_mode="READ",
        properties=slapd_properties(openldap_server, **{"ips.delta.read": "enabled"}),
        credentials={"ldap.password": openldap.PASSWORD},
        read=TransformationText("src", READ),
    )
    await jobs.systems(source)
    far = jobs.catalog.system("src").connector
    assert isinstance(far, Creator)
    assert isinstance(far, Replacer)
    for uid in ("ann", "bob", "carl"):
        await far.create("user", person(uid))
    run = await jobs.run()
    assert (run.mode, run.status, await jobs.counts(run)) == ("full", "success", {"create done": 3})
    await far.replace("user", "bob", {**person("bob"), "sn": ["Changed"]})
    run = await jobs.run()
    assert (run.mode, run.status, await jobs.counts(run)) == ("delta", "success", {"update done": 1})
    assert effects(sink.state(), "DELETE") == []
    again = await jobs.run()
    assert (again.mode, await jobs.counts(again)) == ("delta", {})
