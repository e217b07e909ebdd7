"""The name of the caller's own account."""

import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from tests.videos.api.own_account.conftest import ME

pytestmark = pytest.mark.django_db


class TestName:
    def test_name_is_trimmed_stored_and_shown(self, client: APIClient, user: User) -> None:
        response = client.patch(ME, {"name": "  Ann Å. "}, format="json")

        assert (response.status_code, response.json()["name"]) == (200, "Ann Å.")
        assert client.get(ME).json() == response.json()
        user.refresh_from_db()
        assert user.name == "Ann Å."

    @pytest.mark.parametrize("change", [{"email": "new@example.com"}, {"isStaff": True}, {"is_staff": True}])
    def test_change_that_would_be_lost_is_refused(self, client: APIClient, user: User, change: Any) -> None:
        response = client.patch(ME, {"name": "Ann", **change}, format="json")

        assert (response.status_code, list(response.json()["errors"])) == (400, list(change))
        user.refresh_from_db()
        assert user.name == ""

    def test_account_can_be_sent_back_and_only_the_name_changes(self, client: APIClient) -> None:
        before = client.get(ME).json()

        response = client.patch(ME, before | {"name": "Ann"}, format="json")

        assert response.json() == before | {"name": "Ann"}

    @pytest.mark.parametrize("name", ["x" * 101, "a\0b", "\ud800", 7, ["Ann"]])
    def test_unusable_name_is_refused(self, client: APIClient, user: User, name: Any) -> None:
        response = client.patch(ME, json.dumps({"name": name}), content_type="application/json")

        assert (response.status_code, response.json()["code"] in {"invalid", "parse_error"}) == (400, True)
        user.refresh_from_db()
        assert user.name == ""

    def test_name_is_removed_by_an_empty_one(self, client: APIClient) -> None:
        client.patch(ME, {"name": "Ann"}, format="json")

        assert client.patch(ME, {"name": ""}, format="json").json()["name"] == ""

    def test_unknown_field_is_refused(self, client: APIClient) -> None:
        response = client.patch(ME, {"nmae": "Ann"}, format="json")

        assert (response.status_code, response.json()["code"]) == (400, "unknown_field")
