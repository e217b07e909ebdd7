"""Who may open a stream, with what, how many; and when a stream ends."""

import json
import logging
import threading
import uuid
from datetime import timedelta
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.models import ApiKey, Session, User
from accounts.roles import Role, assign
from accounts.sign_in import api_keys, grants
from accounts.sign_in.grants import Grant
from tests.conftest import MakeUser, SignIn, tokens_of
from tests.fixtures.video_jobs import MakeJob
from tests.videos.live.conftest import SECONDS, Live
from videos.live import hub
from videos.models import Event, LiveTicket
from videos.models.events import record

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
URL = "/api/v1/video-jobs/events"


def ticket_url(client: Any) -> str:
    response = client.post(f"{URL}/ticket")
    assert response.status_code == 201
    return str(response.json()["url"])


def path_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def test_stream_needs_a_token(live: Live) -> None:
    status, body, headers = live.get(URL)

    assert (status, body["code"], headers["WWW-Authenticate"]) == (401, "not_authenticated", "Bearer")


def test_ticket_opens_one_stream(live: Live, make_user: MakeUser, sign_in: SignIn) -> None:
    path = path_of(ticket_url(sign_in(make_user())))

    live.stream(path)
    status, body, _ = live.get(path)

    assert (status, body["code"]) == (401, "ticket_invalid")


def test_ticket_opens_one_of_two_streams_at_once(live: Live, make_user: MakeUser, sign_in: SignIn) -> None:
    path = path_of(ticket_url(sign_in(make_user())))
    statuses: list[int] = []

    def open_one() -> None:
        connection, response = live.request(path)
        statuses.append(response.status)
        connection.close()

    threads = [threading.Thread(target=open_one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [200, 401, 401, 401]


@pytest.mark.parametrize(
    ("method", "more", "room", "expected"),
    [("HEAD", "", 1, 200), ("POST", "", 1, 405), ("GET", "&after=abc", 1, 400), ("GET", "", 0, 503)],
)
def test_request_that_opens_no_stream_leaves_the_ticket_unused(
    live: Live,
    make_user: MakeUser,
    sign_in: SignIn,
    settings: Any,
    method: str,
    more: str,
    room: int,
    expected: int,
) -> None:
    path = path_of(ticket_url(sign_in(make_user())))
    settings.LIVE_MAX_STREAMS = room
    connection = HTTPConnection("127.0.0.1", live.port, timeout=SECONDS)
    connection.request(method, path + more, headers={"Content-Length": "0"})

    assert connection.getresponse().status == expected
    connection.close()
    settings.LIVE_MAX_STREAMS = 1
    live.stream(path)


def expire(user: User) -> None:
    LiveTicket.objects.update(expires_at=timezone.now() - timedelta(seconds=1))


def end_session(user: User) -> None:
    Session.objects.filter(user=user).end(Session.End.SIGNED_OUT)


def deactivate(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def revoke(user: User) -> None:
    ApiKey.objects.filter(user=user).update(revoked_at=timezone.now())


@pytest.mark.parametrize("end", [expire, end_session, deactivate])
def test_ticket_of_what_has_ended_is_refused(live: Live, make_user: MakeUser, sign_in: SignIn, end: Any) -> None:
    ann = make_user()
    path = path_of(ticket_url(sign_in(ann)))
    end(ann)

    status, body, _ = live.get(path)

    assert (status, body["code"]) == (401, "ticket_invalid")


@pytest.mark.parametrize(
    ("live_url", "origin"),
    [("", "http://testserver"), (":8001", "http://testserver:8001"), ("https://live.example.com",) * 2],
)
def test_ticket_names_the_live_process(
    live_url: str, origin: str, make_user: MakeUser, sign_in: SignIn, settings: Any
) -> None:
    settings.LIVE_URL = live_url

    url = ticket_url(sign_in(make_user()))

    assert url.startswith(f"{origin}{URL}?ticket=")


def test_ticket_is_not_stored(make_user: MakeUser, sign_in: SignIn) -> None:
    text = ticket_url(sign_in(make_user())).partition("=")[2]

    assert text not in json.dumps(list(LiveTicket.objects.values()), default=str)


def test_key_with_the_scope_opens_a_stream(live: Live, make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user())
    _, key = api_keys.create(user=job.owner, name="script", scopes=["videos:read"])
    stream = live.stream(token=key)

    with transaction.atomic():
        record(Event.Kind.UPDATED, [(job.owner_id, job.pk)])

    assert stream.events(1) == [(1, "job.updated")]


def test_key_without_the_scope_is_refused(live: Live, make_user: MakeUser) -> None:
    _, key = api_keys.create(user=make_user(), name="script", scopes=["looks:read"])

    status, body, _ = live.get(URL, token=key)

    assert (status, body["code"]) == (403, "key_scope")


@pytest.mark.parametrize("end", [end_session, deactivate])
@pytest.mark.usefixtures("quick_checks")
def test_stream_of_a_session_ends_with_it(live: Live, make_user: MakeUser, end: Any) -> None:
    ann, bob = make_user(), make_user("bob@example.com")
    stream, other = live.stream(user=ann), live.stream(user=bob)

    end(ann)
    stream.wait_for_end()

    assert [listener.owner_id for listener in hub.HUB._listeners] == [bob.pk]
    assert other.response.fp is not None


@pytest.mark.usefixtures("quick_checks")
def test_stream_of_a_key_ends_with_it(live: Live, make_user: MakeUser) -> None:
    ann = make_user()
    _, key = api_keys.create(user=ann, name="script", scopes=["videos:read"])
    stream = live.stream(token=key)

    revoke(ann)

    stream.wait_for_end()


@pytest.mark.usefixtures("quick_checks")
def test_stream_of_a_ticket_ends_with_the_session(live: Live, make_user: MakeUser, sign_in: SignIn) -> None:
    ann = make_user()
    stream = live.stream(path_of(ticket_url(sign_in(ann))))

    end_session(ann)

    stream.wait_for_end()


def test_grants_that_have_ended(make_user: MakeUser) -> None:
    ann, bob, support = make_user(), make_user("bob@example.com"), make_user("support@example.com")
    assign(user=support, role=Role.SUPPORT)
    tokens_of(ann), tokens_of(bob)
    session = Session.objects.get(user=ann)
    ended_session = Session.objects.get(user=bob)
    end_session(bob)
    key, _ = api_keys.create(user=ann, name="a", scopes=["videos:read"])
    expired, _ = api_keys.create(user=ann, name="b", scopes=["videos:read"])
    ApiKey.objects.filter(pk=expired.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    now = timezone.now()
    good = {Grant(ann.pk), Grant(ann.pk, session.pk), Grant(ann.pk, api_key_id=key.pk)}
    good.add(Grant(ann.pk, ends_at=now + timedelta(minutes=1)))
    bad = {Grant(bob.pk, ended_session.pk), Grant(ann.pk, api_key_id=expired.pk), Grant(uuid.uuid4())}
    bad.add(Grant(support.pk))
    bad |= {Grant(ann.pk, ends_at=now), Grant(ann.pk, session_id=uuid.uuid4())}

    assert grants.ended(good | bad) == bad


def test_user_has_so_many_streams(live: Live, make_user: MakeUser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("videos.live.admission.STREAMS_A_USER", 2)
    ann = make_user()
    for _ in range(2):
        live.stream(user=ann)

    status, body, headers = live.get(URL, user=ann)

    assert (status, body["code"], "Retry-After" in headers) == (429, "too_many_streams", True)
    live.stream(user=make_user("bob@example.com"))


def test_process_has_so_many_streams(
    live: Live, make_user: MakeUser, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.LIVE_MAX_STREAMS = 1
    live.stream(user=make_user())

    status, body, headers = live.get(URL, user=make_user("bob@example.com"))

    assert (status, body["code"], headers["Retry-After"]) == (503, "too_many_listeners", "30")
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("after=x", {}),
        ("after=-1", {}),
        ("jobId=7", {}),
        ("", {"Last_Event_ID": "x"}),
        ("", {"Last_Event_ID": "9" * 30}),
        ("", {"Last_Event_ID": "0" * 20 + "9" * 25}),
    ],
)
def test_bad_position_or_filter_is_refused(
    live: Live, make_user: MakeUser, query: str, headers: dict[str, str]
) -> None:
    status, body, _ = live.get(f"{URL}?{query}", user=make_user(), **headers)

    assert (status, body["code"]) == (400, "invalid")


def test_web_process_names_the_live_one(make_user: MakeUser, sign_in: SignIn) -> None:
    response = sign_in(make_user()).get(URL)

    assert (response.status_code, response.json()["code"]) == (404, "not_live")


def test_other_urls_are_not_served(live: Live, make_user: MakeUser) -> None:
    status, body, headers = live.get("/api/v1/looks", user=make_user())

    assert (status, body["code"], "X-Request-ID" in headers) == (404, "no_such_endpoint", True)


def test_urls_in_events_lead_to_the_web_process(
    live: Live, make_user: MakeUser, make_job: MakeJob, settings: Any
) -> None:
    settings.WEB_URL = "https://api.example.com"
    settings.ALLOWED_HOSTS = ["127.0.0.1", "api.example.com"]
    job = make_job(make_user(), phase="succeeded")
    stream = live.stream(user=job.owner)

    with transaction.atomic():
        record(Event.Kind.UPDATED, [(job.owner_id, job.pk)])

    assert stream.event().data["cloudinaryUrl"].startswith("https://api.example.com/media/videos/")
