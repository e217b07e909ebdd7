"""Permissions: every operation of the schema, for every kind of caller.

An operation that is missing in the table fails the test, and so does one that is gone.
"""

import json
import uuid
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import Any, NamedTuple

import pytest
from auditlog.models import LogEntry
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from accounts.models import ApiKey, Session, User
from accounts.roles import Role, assign
from accounts.sign_in import api_keys
from looks import links
from looks.models import Look, LookLink, Visibility
from tests.conftest import MakeUser, SignIn, tokens_of
from tests.fixtures.video_jobs import ORDER, MakeJob
from videos import creation
from videos.models import WebhookDelivery
from videos.phases import Phase
from videos.webhooks import endpoints

pytestmark = pytest.mark.django_db

UNAUTHENTICATED = "anonymous", "deactivated", "expired", "forged", "refresh as access", "other key", "session ended"
USERS = "owner", "reader", "stranger", "staff"


class Row(NamedTuple):
    """The status for the owner of look and video, a user whom the look is shared with, another user, and an admin."""

    owner: int
    reader: int
    stranger: int
    staff: int
    anonymous: int = 401


OWN = Row(200, 200, 200, 200)  # the caller's own rows: every user has some, or an empty list
TABLE: dict[str, Row] = {
    "GET /api/v1/auth/me": OWN,
    "PATCH /api/v1/auth/me": OWN,
    "DELETE /api/v1/auth/me": Row(204, 204, 204, 409),  # the session is new; the only admin stays
    "GET /api/v1/auth/me/export": Row(202, 202, 202, 202),
    "POST /api/v1/auth/register": Row(400, 400, 400, 400, anonymous=400),  # open to all: the empty form is refused
    "GET /api/v1/auth/methods": Row(200, 200, 200, 200, anonymous=200),
    "POST /api/v1/auth/demo": Row(200, 200, 200, 200, anonymous=200),
    "POST /api/v1/auth/me/demo": Row(202, 202, 202, 202),
    "POST /api/v1/auth/google": Row(400, 400, 400, 400, anonymous=400),
    "POST /api/v1/auth/token": Row(400, 400, 400, 400, anonymous=400),
    "POST /api/v1/auth/token/refresh": Row(400, 400, 400, 400, anonymous=400),
    "POST /api/v1/auth/token/revoke": Row(400, 400, 400, 400, anonymous=400),
    "GET /api/v1/api-keys": OWN,
    "POST /api/v1/api-keys": Row(400, 400, 400, 400),
    "DELETE /api/v1/api-keys/{id}": Row(204, 403, 403, 204),
    "POST /api/v1/auth/password": Row(400, 400, 400, 400),
    "POST /api/v1/auth/password/reset": Row(400, 400, 400, 400, anonymous=400),
    "POST /api/v1/auth/password/reset/confirm": Row(400, 400, 400, 400, anonymous=400),
    "POST /api/v1/auth/email/verify": Row(400, 400, 400, 400, anonymous=400),
    "POST /api/v1/auth/email/verify/confirm": Row(400, 400, 400, 400, anonymous=400),
    "GET /api/v1/auth/sessions": OWN,
    "DELETE /api/v1/auth/sessions": Row(204, 204, 204, 204),
    "DELETE /api/v1/auth/sessions/{id}": Row(204, 404, 404, 404),  # an admin, too, ends own ones only
    "GET /api/v1/tokens": OWN,
    "GET /api/v1/tokens/ledger": OWN,
    "GET /api/v1/looks": OWN,
    "POST /api/v1/looks": Row(400, 400, 400, 400),  # authorised, and the empty form refused
    "GET /api/v1/looks/{id}": Row(200, 200, 403, 200),
    "PATCH /api/v1/looks/{id}": Row(200, 403, 403, 200),
    "DELETE /api/v1/looks/{id}": Row(204, 403, 403, 204),
    "GET /api/v1/looks/{id}/links": Row(200, 403, 403, 200),
    "POST /api/v1/looks/{id}/links": Row(201, 403, 403, 201),
    "DELETE /api/v1/looks/{id}/links/{link_id}": Row(204, 403, 403, 204),
    "GET /api/v1/video-models": OWN,
    "GET /api/v1/video-jobs": OWN,
    "GET /api/v1/video-jobs?all=true": Row(403, 403, 403, 200),
    "POST /api/v1/video-jobs": Row(400, 400, 400, 400),
    "GET /api/v1/video-jobs/events": Row(404, 404, 404, 404),  # the live process serves it
    "POST /api/v1/video-jobs/events/ticket": Row(201, 201, 201, 201),
    "GET /api/v1/video-jobs/{id}": Row(200, 403, 403, 200),
    "DELETE /api/v1/video-jobs/{id}": Row(204, 403, 403, 204),
    "POST /api/v1/video-jobs/{id}/cancel": Row(409, 403, 403, 409),  # authorised, and the finished job refused
    "POST /api/v1/video-jobs/{id}/retry": Row(409, 403, 403, 409),
    "GET /api/v1/video-jobs/{id}/download": Row(200, 403, 403, 200),
    "PATCH /api/v1/video-jobs/{id}/set-default-for-look/{look_id}": Row(200, 403, 403, 200),
    "PATCH /api/v1/video-jobs/{id}/unset-default-for-look/{look_id}": Row(200, 403, 403, 200),
    "GET /api/v1/webhooks": OWN,
    "POST /api/v1/webhooks": Row(400, 400, 400, 400),
    "GET /api/v1/webhooks/{id}": Row(200, 403, 403, 403),  # an admin, too, uses own ones only: some show the secret
    "PATCH /api/v1/webhooks/{id}": Row(200, 403, 403, 403),
    "DELETE /api/v1/webhooks/{id}": Row(204, 403, 403, 403),
    "POST /api/v1/webhooks/{id}/rotate-secret": Row(200, 403, 403, 403),
    "POST /api/v1/webhooks/{id}/test": Row(202, 403, 403, 403),
    "GET /api/v1/webhooks/{id}/deliveries": Row(200, 403, 403, 403),
    "POST /api/v1/webhooks/{id}/deliveries/{delivery_id}/retry": Row(202, 403, 403, 403),
}


@cache
def operations() -> frozenset[str]:
    """The operations of the schema."""
    paths = Client().get("/openapi.json").json()["paths"]
    methods = {"get", "post", "put", "patch", "delete", "head", "options"}
    return frozenset(f"{method.upper()} {path}" for path, item in paths.items() for method in item if method in methods)


class World(NamedTuple):
    """A look with a video and a link, the owner's API key and session, and an access token for every kind of caller."""

    look: Look
    job: Any
    key: ApiKey
    session: Session
    delivery: WebhookDelivery
    link: LookLink
    tokens: dict[str, str]


@pytest.fixture
def world(make_user: MakeUser, make_job: MakeJob, settings: Any) -> World:
    users = {name: make_user(f"{name}@example.com", staff=name == "staff") for name in USERS}
    look = Look.objects.create(owner=users["owner"], title="Stone Essence", visibility=Visibility.SHARED)
    look.shared_with.add(users["reader"])
    look.email_shares.create(email="stranger@example.com")  # not verified, so it grants nothing
    job = make_job(users["owner"], phase=Phase.SUCCEEDED)
    default_storage.save(job.video.name, ContentFile(b"a video"))
    look.look_videos.create(video=job)
    tokens = {name: tokens_of(user)["access"] for name, user in users.items()}
    session = Session.objects.get(user=users["owner"])
    key, _ = api_keys.create(user=users["owner"], name="script", scopes=["looks:read"])
    webhook = endpoints.create(
        owner=users["owner"], url="https://hooks.example.com/", kinds=["job.updated"], origin="http://testserver"
    )
    delivery = endpoints.send_test(endpoint=webhook)
    link = links.create(look_id=look.pk, user=users["owner"])
    return World(look, job, key, session, delivery, link, tokens | unusable_tokens(make_user, users["owner"]))


def unusable_tokens(make_user: MakeUser, owner: User) -> dict[str, str]:
    gone, out = make_user("gone@example.com"), make_user("out@example.com")
    expired = AccessToken.for_user(owner)
    expired.set_exp(lifetime=timedelta(minutes=-1))
    head, body, signature = str(AccessToken.for_user(owner)).split(".")
    tokens = {
        "anonymous": "",
        "deactivated": str(AccessToken.for_user(gone)),
        "expired": str(expired),
        "forged": f"{head}.{body}.{signature[::-1]}",
        "refresh as access": str(RefreshToken.for_user(owner)),
        "other key": _signed_by_a_stranger(owner),
        "session ended": tokens_of(out)["access"],
    }
    Session.objects.filter(user=out).end(Session.End.SIGNED_OUT)
    User.objects.filter(pk=gone.pk).update(is_active=False)
    return tokens


def _signed_by_a_stranger(owner: User) -> str:
    import jwt  # noqa: PLC0415 -- for this one token

    claims: dict[str, Any] = AccessToken.for_user(owner).payload
    return jwt.encode(claims, "x" * 64, algorithm="HS512")


def ask(world: World, operation: str, who: str) -> int:
    method, _, url = operation.partition(" ")
    things = {
        "/looks/": world.look,
        "/sessions/": world.session,
        "/api-keys/": world.key,
        "/webhooks/": world.delivery.endpoint,
    }
    thing = next((row for part, row in things.items() if part in url), world.job)
    url = (
        url.replace("{id}", str(thing.pk))
        .replace("{look_id}", str(world.look.pk))
        .replace("{delivery_id}", str(world.delivery.pk))
    )
    url = url.replace("{link_id}", str(world.link.pk))
    token = world.tokens[who]
    client = APIClient(**({"HTTP_AUTHORIZATION": f"Bearer {token}"} if token else {}))
    send: Callable[..., Any] = getattr(client, method.lower())
    response = send(url) if method in {"GET", "DELETE"} else send(url, {}, format="json")
    if response.status_code >= 400:
        assert set(json.loads(response.content)) <= {"detail", "code", "errors"}
    if response.streaming:
        b"".join(response.streaming_content)
    return int(response.status_code)


def test_table_has_every_operation() -> None:
    assert {operation.partition("?")[0] for operation in TABLE} == operations()


@pytest.mark.parametrize("who", USERS)
@pytest.mark.parametrize("operation", TABLE)
def test_permissions_of_users(world: World, operation: str, who: str) -> None:
    assert ask(world, operation, who) == getattr(TABLE[operation], who)


@pytest.mark.parametrize("operation", TABLE)
def test_anonymous_requests_change_nothing(world: World, operation: str, settings: Any) -> None:
    rates = dict.fromkeys(settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"], "1000/min")
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"DEFAULT_THROTTLE_RATES": rates}
    before = world.look.updated_at

    responses = {who: ask(world, operation, who) for who in UNAUTHENTICATED}

    assert responses == dict.fromkeys(UNAUTHENTICATED, TABLE[operation].anonymous)
    world.look.refresh_from_db()
    world.job.refresh_from_db()
    world.session.refresh_from_db()
    world.key.refresh_from_db()
    world.link.refresh_from_db()
    ended = (world.session.ended_at, world.key.revoked_at, world.link.revoked_at)
    assert (world.look.updated_at, ended) == (before, (None, None, None))


@pytest.mark.parametrize("operation", [operation for operation in TABLE if "{id}" in operation])
@pytest.mark.parametrize("who", USERS)
def test_unknown_ids_are_404_for_every_user(world: World, operation: str, who: str) -> None:
    unknown = operation.replace("{id}", str(uuid.uuid4()))

    assert ask(world, unknown, who) == 404


@pytest.mark.parametrize("role", [Role.SUPPORT, Role.OPERATOR])
def test_tokens_of_before_a_limited_role_open_nothing(world: World, role: Role) -> None:
    user = User.objects.get(email="stranger@example.com")

    assign(user=user, role=role)

    assert {ask(world, operation, "stranger") for operation in TABLE if TABLE[operation].anonymous == 401} == {401}


def test_admin_who_deletes_a_job_of_another_user_is_kept_with_the_refund(make_user: MakeUser, sign_in: SignIn) -> None:
    ann, boss = make_user(), make_user("boss@example.com", staff=True)
    hers, own = creation.create(owner=ann, job_request=ORDER), creation.create(owner=boss, job_request=ORDER)

    for job in (hers, own):
        assert sign_in(boss).delete(f"/api/v1/video-jobs/{job.pk}").status_code == 204

    facts = {"action": ["", "Delete"], "owner": ["", ann.email], "tokens_returned": ["", "50"]}
    assert [(entry.actor, entry.object_pk, entry.changes) for entry in LogEntry.objects.all()] == [
        (boss, str(hers.pk), facts)
    ]
