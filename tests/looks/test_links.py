"""Links of looks: create, list and revoke them, and who may."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from looks import links
from looks.models import Look, LookLink
from tests.conftest import MakeUser, SignIn
from tests.fixtures.looks import URL, MakeLook

pytestmark = pytest.mark.django_db
FAR = datetime(2100, 1, 1, tzinfo=UTC)


@pytest.fixture
def ann(make_user: MakeUser) -> User:
    return make_user()


@pytest.fixture
def look(ann: User, make_look: MakeLook) -> Look:
    return make_look(ann, image=None)


@pytest.fixture
def client(ann: User, sign_in: SignIn) -> APIClient:
    return sign_in(ann)


def create(client: APIClient, look: Look, **form: Any) -> Any:
    return client.post(f"{URL}/{look.pk}/links", form)


def test_new_link_has_an_absolute_address_and_no_end(client: APIClient, look: Look) -> None:
    response = create(client, look)

    link = LookLink.objects.get()
    assert (response.status_code, response.json()) == (
        201,
        {
            "id": str(link.pk),
            "url": f"http://testserver/l/{link.token}",
            "createdAt": response.json()["createdAt"],
            "expiresAt": None,
            "revokedAt": None,
            "lastViewedAt": None,
        },
    )
    assert (link.look, link.created_by, len(link.token), link.token.isalnum()) == (look, look.owner, 26, True)


def test_tokens_differ(client: APIClient, look: Look) -> None:
    assert len({create(client, look).json()["url"] for _ in range(5)}) == 5


def test_end_is_a_moment_or_a_number_of_days(client: APIClient, look: Look) -> None:
    moment = timezone.now() + timedelta(days=30)

    create(client, look, expires_at=moment.isoformat())
    create(client, look, expiresInDays=7)

    ends = sorted(LookLink.objects.values_list("expires_at", flat=True))
    assert ends[1] == moment
    assert timedelta(days=7, minutes=-5) < ends[0] - timezone.now() <= timedelta(days=7)


@pytest.mark.parametrize(
    ("form", "field", "code"),
    [
        ({"expiresInDays": 0}, "expiresInDays", "invalid"),
        ({"expiresInDays": "soon"}, "expiresInDays", "invalid"),
        ({"expiresAt": "2020-01-01T00:00:00Z"}, "expiresAt", "invalid"),
        ({"expiresAt": "tomorrow"}, "expiresAt", "invalid"),
        ({"expiresAt": FAR.isoformat(), "expiresInDays": 1}, "expiresInDays", "invalid"),
        ({"expireAt": FAR.isoformat()}, "expireAt", "unknown_field"),
    ],
)
def test_wrong_end_is_refused(client: APIClient, look: Look, form: dict[str, Any], field: str, code: str) -> None:
    response = create(client, look, **form)

    assert (response.status_code, response.json()["code"], list(response.json()["errors"])) == (400, code, [field])
    assert not LookLink.objects.exists()


def test_list_is_newest_first_and_keeps_ended_links(client: APIClient, look: Look, make_look: MakeLook) -> None:
    first, second = (create(client, look).json() for _ in range(2))
    create(client, make_look(look.owner, image=None))
    client.delete(f"{URL}/{look.pk}/links/{first['id']}")

    page = client.get(f"{URL}/{look.pk}/links").json()

    assert (page["total"], [item["id"] for item in page["items"]]) == (2, [second["id"], first["id"]])
    assert page["items"][0] == second
    assert page["items"][1] == first | {"revokedAt": page["items"][1]["revokedAt"]}
    assert page["items"][1]["revokedAt"]


def test_list_takes_as_many_statements_for_three_links_as_for_one(client: APIClient, look: Look) -> None:
    counts = []
    for _ in range(3):
        create(client, look)
        with CaptureQueriesContext(connection) as queries:
            client.get(f"{URL}/{look.pk}/links")
        counts.append(len(queries))

    assert set(counts) == {4}  # the caller; the look's owner; the number of links; a page of them


def test_revoked_link_stays_as_it_was_revoked_first(client: APIClient, look: Look) -> None:
    link = create(client, look).json()
    client.delete(f"{URL}/{look.pk}/links/{link['id']}")
    revoked_at = LookLink.objects.get().revoked_at

    again = client.delete(f"{URL}/{look.pk}/links/{link['id']}")

    assert (again.status_code, LookLink.objects.get().revoked_at) == (204, revoked_at)


def test_link_is_revoked_through_its_own_look_only(client: APIClient, look: Look, make_look: MakeLook) -> None:
    other = make_look(look.owner, image=None)
    link = create(client, look).json()

    for path in (f"{other.pk}/links/{link['id']}", f"{look.pk}/links/{look.pk}", f"{look.pk}/links/x"):
        assert client.delete(f"{URL}/{path}").status_code == 404
    assert LookLink.objects.get().revoked_at is None


def test_ended_links_make_place_for_new_ones(client: APIClient, look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "MAX_LIVE", 2)
    one, _ = create(client, look).json(), create(client, look)

    full = create(client, look)
    client.delete(f"{URL}/{look.pk}/links/{one['id']}")
    after_a_revocation = create(client, look)
    LookLink.objects.update(expires_at=Now())
    after_the_end = create(client, look)

    assert (full.status_code, full.json()["code"]) == (409, "too_many_links")
    assert (after_a_revocation.status_code, after_the_end.status_code) == (201, 201)


@pytest.mark.django_db(transaction=True)
def test_two_requests_at_once_do_not_both_get_the_last_link(
    ann: User, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "MAX_LIVE", 1)
    start, outcomes = threading.Barrier(4), []

    def work() -> None:
        start.wait(10)
        try:
            links.create(look_id=look.pk, user=ann)
            outcomes.append("created")
        except links.TooManyLinks:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert (sorted(outcomes), LookLink.objects.count()) == (["created", "refused", "refused", "refused"], 1)


@pytest.mark.parametrize("visibility", ["shared", "public"])
def test_readers_of_a_look_do_not_see_its_links(
    ann: User, make_user: MakeUser, make_look: MakeLook, sign_in: SignIn, visibility: str
) -> None:
    ben = make_user("ben@example.com")
    look = make_look(ann, readers=(ben,), visibility=visibility, image=None)
    link = links.create(look_id=look.pk, user=ann)

    reader = sign_in(ben)

    assert reader.get(f"{URL}/{look.pk}").status_code == 200
    assert reader.get(f"{URL}/{look.pk}/links").status_code == 403
    assert link.token not in reader.get(f"{URL}/{look.pk}").content.decode()


def test_audit_log_has_what_an_admin_does_without_the_address(
    look: Look, make_user: MakeUser, sign_in: SignIn, client: APIClient
) -> None:
    boss = make_user("boss@example.com", staff=True)
    own = create(client, look).json()
    client.delete(f"{URL}/{look.pk}/links/{own['id']}")

    created = create(sign_in(boss), look).json()
    sign_in(boss).delete(f"{URL}/{look.pk}/links/{created['id']}")

    entries = [(entry.actor, entry.object_pk, entry.changes) for entry in LogEntry.objects.order_by("pk")]
    facts = {"owner": ["", look.owner.email], "link": ["", created["id"][:8]]}
    assert entries == [(boss, str(look.pk), {"action": ["", f"{act} a link"], **facts}) for act in ("Create", "Revoke")]


def test_neither_texts_nor_logs_show_the_token(client: APIClient, look: Look, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        create(client, look)
    link = LookLink.objects.get()

    events = [record.__dict__ for record in caplog.records if record.name == "looks.links"]
    assert [event["msg"] for event in events] == ["look_link.created"]
    assert link.token not in f"{events} {link!r} {link}"


def test_deleted_look_takes_its_links_with_it(client: APIClient, look: Look) -> None:
    create(client, look)

    assert client.delete(f"{URL}/{look.pk}").status_code == 204
    assert not LookLink.objects.exists()
