"""The gateway as a whole: what it says about systems that are not safe."""

from pathlib import Path

import pytest
from tests.app.served import system, whole

FAR = {"connectorTypeString": "SCIM_SYSTEM", "properties": {"URL": "https://127.0.0.1:9", "TrustAll": "true"}}


async def test_a_system_that_trusts_every_server_is_told_everywhere(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with whole(tmp_path, [{**system("far"), **FAR}, system("near")], {}) as started:
        ready = (await started.client.get("/health/ready")).json()
        assert "far: TrustAll" in ready["warnings"]
        assert "near: TrustAll" not in ready["warnings"]
        await started.gateway.reload()
        records = [record async for record in started.gateway.store.audit.records()]
    assert [(record.event, record.fields["system"]) for record in records] == [("system.trusts-everyone", "far")]
    assert sum("TrustAll" in record.message for record in caplog.records) == 1
