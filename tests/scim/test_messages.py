"""List answers."""

from proxeny.scim.messages import LIST_RESPONSE_SCHEMA, bulk_response, list_response


def test_a_page_by_index() -> None:
    assert list_response([{"id": "1"}], total=3, start_index=2) == {
        "schemas": [LIST_RESPONSE_SCHEMA],
        "totalResults": 3,
        "startIndex": 2,
        "itemsPerPage": 1,
        "Resources": [{"id": "1"}],
    }
    assert list_response([], total=0)["Resources"] == []
    assert list_response([], total=9, start_index=1, items_per_page=5)["itemsPerPage"] == 5


def test_a_page_by_cursor() -> None:
    page = list_response([{"id": "1"}], total=None, next_cursor="n", previous_cursor="p")
    assert (page["nextCursor"], page["previousCursor"]) == ("n", "p")
    assert "startIndex" not in page
    assert "totalResults" not in page


def test_bulk_messages() -> None:
    assert bulk_response(iter([{"status": "200"}]))["Operations"] == [{"status": "200"}]
