"""Versions of resources whose backend is another SCIM server: shown as plain weak ETags that the client sends back."""

from collections.abc import Iterator
from uuid import uuid4

import httpx
import pytest
from tests.fixtures.gateways import COPY, COPY_PATCH, COPY_PUT, USER, Running, Site, client, is_error, remote, running
from tests.fixtures.scim_servers import scim2_server

WRITES = {"passing": COPY_PATCH, "emulating": COPY_PUT}


@pytest.fixture(scope="module")
def backends(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with running(tmp_path_factory.mktemp("far")) as far, scim2_server() as other:
        yield {"proxeny": f"{far.url}/scim", "scim2-server": f"{other}/v2"}


@pytest.fixture(scope="module")
def near(tmp_path_factory: pytest.TempPathFactory, backends: dict[str, str]) -> Iterator[Running]:
    systems = tuple(
        remote(f"{name}-{way}", url, readTransformation=COPY, writeTransformation=write)
        for name, url in backends.items()
        for way, write in WRITES.items()
    )
    with running(tmp_path_factory.mktemp("near"), systems=systems) as gateway:
        yield gateway


@pytest.fixture(params=["proxeny-passing", "proxeny-emulating", "scim2-server-passing", "scim2-server-emulating"])
def site(request: pytest.FixtureRequest, near: Running, backends: dict[str, str]) -> Iterator[Site]:
    name: str = request.param
    with client() as speaking:
        yield Site(f"{near.url}/proxy/{name}", speaking, backends[name.rpartition("-")[0]])


@pytest.fixture
def path(site: Site) -> str:
    """Somebody at the backend, without anything but a name."""
    made = site.make("/Users", {"schemas": [USER], "userName": f"u-{uuid4()}", "title": "old"})
    return f"/Users/{made['id']}"


def written(site: Site, path: str, method: str, headers: dict[str, str]) -> httpx.Response:
    if method == "PATCH":
        return site.patch(path, {"op": "replace", "path": "title", "value": "new"}, headers=headers)
    if method == "PUT":
        document = {"schemas": [USER], "userName": site.read(path)["userName"], "title": "new"}
        return site.put(path, document, headers=headers)
    return site.call("DELETE", path, headers=headers)


def behind_our_back(site: Site, path: str) -> None:
    """Somebody else changes the resource at the backend itself."""
    own = Site(site.kept, site.client)
    assert own.patch(path, {"op": "replace", "path": "title", "value": "theirs"}).status_code in (200, 204)


def test_an_etag_is_plain_and_weak_and_the_same_everywhere(site: Site, path: str) -> None:
    got = site.get(path)
    tag = got.headers["etag"]
    assert tag.startswith('W/"')
    assert tag.endswith('"')
    assert "%" not in tag
    assert tag.count('"') == 2
    assert got.json()["meta"]["version"] == tag
    listed = site.found("/Users", filter=f'userName eq "{got.json()["userName"]}"')
    assert [each["meta"]["version"] for each in listed] == [tag]


def test_reads_depend_on_the_version(site: Site, path: str) -> None:
    tag = site.get(path).headers["etag"]
    same = site.call("GET", path, headers={"If-None-Match": tag})
    assert (same.status_code, same.headers["etag"], same.content) == (304, tag, b"")
    assert site.call("GET", path, headers={"If-Match": tag}).status_code == 200
    behind_our_back(site, path)
    assert is_error(site.call("GET", path, headers={"If-Match": tag}), 412)
    newer = site.call("GET", path, headers={"If-None-Match": tag})
    assert newer.status_code == 200
    assert newer.headers["etag"] != tag


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_a_write_on_the_present_version_is_done(site: Site, path: str, method: str) -> None:
    tag = site.get(path).headers["etag"]
    answer = written(site, path, method, {"If-Match": f'"other", {tag}'})
    assert answer.status_code == (204 if method == "DELETE" else 200), answer.text
    if method == "DELETE":
        assert site.get(path).status_code == 404
    else:
        assert site.read(path)["title"] == "new"
        assert answer.headers["etag"] == site.get(path).headers["etag"] != tag


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_a_write_on_a_stale_version_does_nothing(site: Site, path: str, method: str) -> None:
    tag = site.get(path).headers["etag"]
    behind_our_back(site, path)
    before = site.read(path)
    assert is_error(written(site, path, method, {"If-Match": tag}), 412)
    assert site.read(path) == before


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_a_write_that_excludes_the_present_version_does_nothing(site: Site, path: str, method: str) -> None:
    tag = site.get(path).headers["etag"]
    before = site.read(path)
    assert is_error(written(site, path, method, {"If-None-Match": tag}), 412)
    assert is_error(written(site, path, method, {"If-None-Match": "*"}), 412)
    assert site.read(path) == before
    assert written(site, path, method, {"If-None-Match": 'W/"another"'}).status_code in (200, 204)
