"""Looks shared by e-mail address: who may read them and when, and that no response shows which addresses exist."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from looks import use_cases
from looks.models import Look, LookEmailShare, LookShare
from tests.conftest import MakeUser, SignIn
from tests.fixtures.looks import URL, MakeLook
from tests.statements import shapes

BEN = "ben@example.com"


@pytest.fixture
def ann(make_user: MakeUser) -> User:
    return make_user()


@pytest.fixture
def client(ann: User, sign_in: SignIn) -> APIClient:
    return sign_in(ann)


def verify(user: User, **fields: Any) -> None:
    User.objects.filter(pk=user.pk).update(email_verified_at=timezone.now(), **fields)


def seen(client: APIClient, look: Look) -> tuple[int, list[str]]:
    """The status of the look itself, and the looks in the list of shared ones."""
    items = client.get(URL, {"view": "shared"}).json()["items"]
    return client.get(f"{URL}/{look.pk}").status_code, [item["id"] for item in items]


def test_share_counts_as_soon_as_the_address_is_verified_and_no_longer(
    ann: User, make_look: MakeLook, make_user: MakeUser, sign_in: SignIn
) -> None:
    look = make_look(ann, emails=(BEN,), visibility="shared", image=None)
    ben = make_user(BEN)
    reader = sign_in(ben)

    unverified = seen(reader, look)
    verify(ben)
    verified = seen(reader, look)
    verify(ben, email="benedict@example.com")
    renamed = seen(reader, look)

    assert (unverified, verified, renamed) == ((403, []), (200, [str(look.pk)]), (403, []))


def test_share_is_taken_back(
    client: APIClient, ann: User, make_look: MakeLook, make_user: MakeUser, sign_in: SignIn
) -> None:
    look = make_look(ann, emails=(BEN, "zoe@example.com"), visibility="shared", image=None)
    verify(ben := make_user(BEN))

    body = client.patch(f"{URL}/{look.pk}", {"sharedWithEmails": ["zoe@example.com"]}, format="json").json()

    assert body["sharedWithEmails"] == ["zoe@example.com"]
    assert seen(sign_in(ben), look) == (403, [])


def test_unverified_account_of_the_address_reads_nothing_in_any_view(
    ann: User, make_look: MakeLook, make_user: MakeUser, sign_in: SignIn
) -> None:
    make_look(ann, emails=(BEN,), visibility="shared", image=None)
    reader = sign_in(make_user(BEN))

    pages = [reader.get(URL, {"view": view, "skip": skip}).json() for view in ("shared", "public") for skip in (0, 5)]

    assert [(page["items"], page["total"]) for page in pages] == [([], 0)] * 4


def test_both_lists_are_united_and_each_look_is_listed_once(
    ann: User, make_look: MakeLook, make_user: MakeUser, sign_in: SignIn
) -> None:
    verify(ben := make_user(BEN))
    zoe, own = make_user("zoe@example.com"), make_look(ben, emails=(BEN,), visibility="shared", image=None)
    twice = make_look(ann, readers=(ben,), emails=(BEN,), visibility="shared", image=None)
    by_id = make_look(ann, readers=(ben,), emails=("zoe@example.com",), visibility="shared", image=None)
    by_email = make_look(zoe, readers=(zoe,), emails=(BEN,), visibility="shared", image=None)
    make_look(ann, readers=(zoe,), emails=("zoe@example.com",), visibility="shared", image=None)

    page = sign_in(ben).get(URL, {"view": "shared"}).json()

    listed = [item["id"] for item in page["items"]]
    assert (listed, page["total"]) == ([str(look.pk) for look in (by_email, by_id, twice)], 3)
    assert str(own.pk) not in listed


@pytest.mark.parametrize("way", ["json", "form", "form with json"])
def test_addresses_get_their_one_spelling_and_are_folded(client: APIClient, way: str) -> None:
    emails = [" Zoe@Example.COM ", BEN, "BEN@example.com", "ann@Bücher.example"]
    body: Any = {"title": "x", "sharedWithEmails": json.dumps(emails) if way == "form with json" else emails}

    response = client.post(URL, body, format="json" if way == "json" else "multipart")

    stored = ["ann@xn--bcher-kva.example", BEN, "zoe@example.com"]
    assert (response.status_code, response.json()["sharedWithEmails"]) == (201, stored)
    assert list(LookEmailShare.objects.values_list("email", flat=True)) == stored
    assert not LookShare.objects.exists()


def test_each_list_replaces_its_own(client: APIClient, ann: User, make_look: MakeLook, make_user: MakeUser) -> None:
    ben, zoe = make_user(BEN), make_user("zoe@example.com")
    look = make_look(ann, readers=(ben,), emails=(BEN,))
    url = f"{URL}/{look.pk}"

    def readers(body: Any, **options: Any) -> tuple[list[str], list[str]]:
        shown = client.patch(url, body, **(options or {"format": "json"})).json()
        return [reader["email"] for reader in shown["sharedWith"]], shown["sharedWithEmails"]

    assert readers({"shared_with_user_ids": [str(zoe.pk)]}) == (["zoe@example.com"], [BEN])
    assert readers({"shared_with_emails": ["new@example.com"]}) == (["zoe@example.com"], ["new@example.com"])
    assert readers({"sharedWithEmails": None}) == (["zoe@example.com"], ["new@example.com"])
    assert readers({"sharedWithEmails[0]": BEN}, format="multipart") == (["zoe@example.com"], [BEN])
    assert readers({"sharedWithEmails": ""}, format="multipart") == (["zoe@example.com"], [])
    assert readers({"sharedWithEmails": [BEN], "sharedWithUserIds": []}) == ([], [BEN])


def test_repeated_change_keeps_the_share(client: APIClient, ann: User, make_look: MakeLook) -> None:
    look = make_look(ann, emails=(BEN,))
    before = list(LookEmailShare.objects.values())

    client.patch(f"{URL}/{look.pk}", {"sharedWithEmails": [BEN]}, format="json")

    assert list(LookEmailShare.objects.values()) == before


def test_what_a_get_returned_can_be_sent_back(client: APIClient, make_user: MakeUser) -> None:
    ben = make_user(BEN)
    body = {"title": "x", "sharedWithEmails": ["zoe@example.com", BEN], "sharedWithUserIds": [str(ben.pk)]}
    look = client.post(URL, body, format="json").json()

    response = client.patch(f"{URL}/{look['id']}", {**look, "title": "y"}, format="json")

    assert response.status_code == 200
    assert {**response.json(), "updatedAt": ""} == {**look, "title": "y", "updatedAt": ""}
    assert look["sharedWithEmails"] == [BEN, "zoe@example.com"]


def test_refused_address_is_named_and_changes_nothing(client: APIClient, ann: User, make_look: MakeLook) -> None:
    look = make_look(ann, emails=(BEN,))
    before = client.get(f"{URL}/{look.pk}").json()

    change = {"title": "New", "shared_with_emails": ["zoe@example.com", "zoe@", "b@example.com"]}
    response = client.patch(f"{URL}/{look.pk}", change, format="json")

    message = "Enter a valid email address."
    assert (response.status_code, response.json()) == (
        400,
        {
            "detail": f"shared_with_emails.1: {message}",
            "code": "invalid",
            "errors": {"shared_with_emails.1": [message]},
        },
    )
    assert client.get(f"{URL}/{look.pk}").json() == before


@pytest.mark.parametrize("method", ["post", "patch"])
def test_existing_and_unknown_address_have_the_same_response_and_statements(
    client: APIClient, ann: User, make_look: MakeLook, make_user: MakeUser, method: str
) -> None:
    verify(make_user("known-1@example.com"))
    make_user("known-2@example.com")
    url = f"{URL}/{make_look(ann, image=None).pk}" if method == "patch" else URL
    found = []
    for email in ("known-1@example.com", "other-1@example.com", "known-2@example.com"):
        body = {"title": "Stone Essence", "visibility": "shared", "products": [], "sharedWithEmails": [email]}
        with CaptureQueriesContext(connection) as queries:
            response = getattr(client, method)(url, body, format="json")
        shown = response.json()
        assert shown["sharedWithEmails"] == [email]
        varying = dict.fromkeys(("id", "createdAt", "updatedAt", "sharedWithEmails"))
        assert not [query["sql"] for query in queries if "accounts_user" in query["sql"] and email in query["sql"]]
        found.append((response.status_code, {**shown, **varying}, shapes(queries)))

    assert found[0] == found[1] == found[2]


def test_own_address_grants_the_owner_nothing_more(client: APIClient, ann: User, make_look: MakeLook) -> None:
    verify(ann)
    look = make_look(ann, readers=(ann,), emails=(ann.email,), visibility="shared")

    assert seen(client, look) == (200, [])


def test_deleted_look_takes_its_shares_with_it(ann: User, make_look: MakeLook) -> None:
    look = make_look(ann, emails=(BEN,))

    use_cases.delete_look(look_id=look.pk)

    assert not LookEmailShare.objects.exists()
