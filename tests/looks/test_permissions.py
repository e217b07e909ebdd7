"""Permissions of looks: every endpoint, every kind of user and every visibility, as tables."""

import json
import uuid
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from looks.models import Look
from tests.conftest import MakeUser, SignIn
from tests.fixtures.looks import URL, MakeLook, MakeVideo
from videos.phases import Phase

# reader: a user whom the look is shared with; invited: one whose verified e-mail address it is shared with
USERS = ("owner", "admin", "reader", "invited", "other", "anonymous")

INVITED = "invited@example.com"
STATUSES = """
                        private   shared    public
    GET     owner       200       200       200
    GET     admin       200       200       200
    GET     reader      403       200       200
    GET     invited     403       200       200
    GET     other       403       403       200
    GET     anonymous   401       401       401

    PATCH   owner       200       200       200
    PATCH   admin       200       200       200
    PATCH   reader      403       403       403
    PATCH   invited     403       403       403
    PATCH   other       403       403       403
    PATCH   anonymous   401       401       401

    DELETE  owner       204       204       204
    DELETE  admin       204       204       204
    DELETE  reader      403       403       403
    DELETE  invited     403       403       403
    DELETE  other       403       403       403
    DELETE  anonymous   401       401       401
"""

LISTED = """
                        private   shared    public
    mine    owner       yes       yes       yes
    mine    admin       -         -         -
    mine    reader      -         -         -
    mine    invited     -         -         -
    mine    other       -         -         -
    mine    anonymous   401       401       401

    shared  owner       -         -         -
    shared  admin       -         -         -
    shared  reader      -         yes       -
    shared  invited     -         yes       -
    shared  other       -         -         -
    shared  anonymous   401       401       401

    public  owner       -         -         yes
    public  admin       -         -         yes
    public  reader      -         -         yes
    public  invited     -         -         yes
    public  other       -         -         yes
    public  anonymous   401       401       401
"""

UNKNOWN = """
            owner    admin    reader   invited  other    anonymous
    GET     404      404      404      404      404      401
    PATCH   404      404      404      404      404      401
    DELETE  404      404      404      404      404      401
"""

CREATED = """
            owner    admin    reader   invited  other    anonymous
    POST    201      201      201      201      201      401
"""


def cells(table: str, row_names: int) -> list[tuple[str, ...]]:
    """Every cell of a table, after the names of its row and its column."""
    head, *rows = [line.split() for line in table.splitlines() if line.strip()]
    return [
        (*row[:row_names], column, cell) for row in rows for column, cell in zip(head, row[row_names:], strict=True)
    ]


@pytest.fixture
def clients(make_user: MakeUser, sign_in: SignIn) -> dict[str, APIClient]:
    made = {name: sign_in(make_user(f"{name}@example.com", staff=name == "admin")) for name in USERS[:-1]}
    User.objects.filter(email=INVITED).update(email_verified_at=timezone.now())
    return {**made, "anonymous": APIClient()}


def as_json(body: Any) -> tuple[str, str]:
    return json.dumps(body) if body is not None else "", "application/json"


def account(name: str) -> User:
    return User.objects.get(email=f"{name}@example.com")


def make_shared(make_look: MakeLook, visibility: str) -> Look:
    owner, reader = account("owner"), account("reader")
    return make_look(owner, readers=(reader,), emails=(INVITED,), visibility=visibility, image=None)


@pytest.mark.parametrize(("method", "who", "visibility", "expected"), cells(STATUSES, 2))
def test_one_look(
    clients: dict[str, APIClient], make_look: MakeLook, method: str, who: str, visibility: str, expected: str
) -> None:
    look = make_shared(make_look, visibility)
    body = {"PATCH": {"title": "Changed"}}.get(method)

    response = clients[who].generic(method, f"{URL}/{look.pk}", *as_json(body))

    after = Look.objects.filter(pk=look.pk).first()
    assert response.status_code == int(expected)
    assert (after is None) == (expected == "204")
    if after:
        assert (after.title == "Changed") == (method == "PATCH" and expected == "200")
    if expected in {"401", "403"}:
        assert set(response.json()) == {"detail", "code"}


@pytest.mark.parametrize(("view", "who", "visibility", "expected"), cells(LISTED, 2))
def test_list(
    clients: dict[str, APIClient], make_look: MakeLook, view: str, who: str, visibility: str, expected: str
) -> None:
    look = make_shared(make_look, visibility)

    response = clients[who].get(URL, {"view": view})

    if expected == "401":
        assert response.status_code == 401
    else:
        listed = [item["id"] for item in response.json()["items"]]
        assert (response.status_code, listed) == (200, [str(look.pk)] if expected == "yes" else [])
        assert response.json()["total"] == len(listed)


@pytest.mark.parametrize(("method", "who", "expected"), cells(UNKNOWN, 1))
@pytest.mark.parametrize("look_id", [str(uuid.uuid4()), "1", "%00", "x" * 5000], ids=["unknown", "1", "nul", "long"])
def test_look_that_is_not_there(
    clients: dict[str, APIClient], method: str, who: str, expected: str, look_id: str
) -> None:
    response = clients[who].generic(method, f"{URL}/{look_id}", *as_json({}))

    assert response.status_code == int(expected)


@pytest.mark.parametrize(("method", "who", "expected"), cells(CREATED, 1))
def test_creation(clients: dict[str, APIClient], method: str, who: str, expected: str) -> None:
    response = clients[who].generic(method, URL, *as_json({"title": "Mine"}))

    owners = list(Look.objects.values_list("owner__email", flat=True))
    assert (response.status_code, owners) == (int(expected), [f"{who}@example.com"] if expected == "201" else [])


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_other_methods_are_not_allowed(clients: dict[str, APIClient], make_look: MakeLook, method: str) -> None:
    look = make_look(account("owner"), image=None)

    response = clients["owner"].generic(method, f"{URL}/{look.pk}", *as_json({}))

    assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")


@pytest.mark.parametrize(
    ("who", "readers", "videos"),
    [
        ("owner", ["reader@example.com"], {"SUCCEEDED", "FAILED", "PENDING", "RUNNING"}),
        ("admin", ["reader@example.com"], {"SUCCEEDED", "FAILED", "PENDING", "RUNNING"}),
        ("reader", [], {"SUCCEEDED"}),
        ("invited", [], {"SUCCEEDED"}),
    ],
)
def test_what_is_shown_of_a_shared_look(
    clients: dict[str, APIClient],
    make_look: MakeLook,
    make_video: MakeVideo,
    who: str,
    readers: list[str],
    videos: set[str],
) -> None:
    owner = account("owner")
    look = make_look(owner, readers=(account("reader"),), emails=(INVITED,), visibility="shared")
    for phase in (Phase.SUCCEEDED, Phase.FAILED, Phase.QUEUED, Phase.GENERATING):
        make_video(owner, look=look, phase=phase)

    shown = [clients[who].get(f"{URL}/{look.pk}").json()]
    if who in {"reader", "invited"}:
        shown += clients[who].get(URL, {"view": "shared"}).json()["items"]

    for body in shown:
        assert [reader["email"] for reader in body["sharedWith"]] == readers
        assert body["sharedWithEmails"] == ([INVITED] if readers else [])
        assert {video["status"] for video in body["videos"]} == videos
        assert body["canEdit"] is bool(readers)


def test_public_look_in_the_list_hides_from_others_what_its_owner_sees(
    clients: dict[str, APIClient], make_look: MakeLook, make_video: MakeVideo
) -> None:
    owner = account("owner")
    look = make_look(owner, readers=(account("reader"),), visibility="public")
    make_video(owner, look=look, phase=Phase.FAILED)

    def seen_by(who: str) -> tuple[int, int]:
        (item,) = clients[who].get(URL, {"view": "public"}).json()["items"]
        return len(item["sharedWith"]), len(item["videos"])

    assert {who: seen_by(who) for who in ("owner", "admin", "reader", "other")} == {
        "owner": (1, 1),
        "admin": (1, 1),
        "reader": (0, 0),
        "other": (0, 0),
    }
