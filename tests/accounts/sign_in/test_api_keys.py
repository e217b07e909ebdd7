"""API keys as credentials: which are accepted, which are refused, and what a request with one costs."""

import io
import json
import logging
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import access, roles
from accounts.models import ApiKey, User
from accounts.roles import Role
from accounts.sign_in import api_keys
from studio.api.scopes import SCOPES
from studio.observability import log, redaction
from tests.conftest import MakeUser, SignIn
from tests.fixtures.video_jobs import MakeJob

ME, LOOKS, JOBS = "/api/v1/auth/me", "/api/v1/looks", "/api/v1/video-jobs"

pytestmark = pytest.mark.django_db


def with_key(text: str, scheme: str = "Bearer") -> APIClient:
    return APIClient(HTTP_AUTHORIZATION=f"{scheme} {text}")


def new_key(user: User, *scopes: str, **fields: Any) -> tuple[ApiKey, str]:
    return api_keys.create(user=user, name="render farm", scopes=scopes or tuple(SCOPES), **fields)


def refusal(text: str) -> tuple[int, str]:
    response = with_key(text).get(ME)
    assert response["WWW-Authenticate"].startswith('Bearer realm="api"')
    return response.status_code, response.json()["code"]


def test_key_has_a_form_that_scanners_recognise(make_user: MakeUser) -> None:
    key, text = new_key(make_user())

    assert re.fullmatch(r"ais_[0-9A-Za-z]{43}[0-9a-f]{8}", text)
    assert api_keys.is_well_formed(text)
    assert (key.prefix, key.digest) == (text[:12], api_keys.digest_of(text))
    assert text not in str(ApiKey.objects.values())
    assert text not in f"{key} {key!r} {vars(key)}"


@pytest.mark.parametrize("change", [lambda t: t[:-1], lambda t: t + "0", lambda t: t[:9] + "-" + t[10:], str.lower])
def test_mistyped_key_is_refused_without_a_query(make_user: MakeUser, change: Callable[[str], str]) -> None:
    _, text = new_key(make_user())

    with CaptureQueriesContext(connection) as captured:
        assert refusal(change(text)) == (401, "token_malformed")

    assert len(captured) == 0


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_request_with_a_key_is_its_users(make_user: MakeUser, scheme: str) -> None:
    user = make_user(tokens=77)
    _, text = new_key(user, "account:read")

    response = with_key(text, scheme).get(ME)

    body = response.json()
    assert (response.status_code, body["id"], body["tokens"]["balance"]) == (200, str(user.pk), 77)


def test_unknown_key_is_refused() -> None:
    assert refusal(api_keys._new_key()) == (401, "token_invalid")


def test_revoked_and_expired_keys_are_refused(make_user: MakeUser) -> None:
    user = make_user()
    revoked, text = new_key(user)
    _, expiring = new_key(user, expires_at=timezone.now() + timedelta(days=1))
    before = [with_key(one).get(ME).status_code for one in (text, expiring)]

    api_keys.revoke(key=revoked, actor=user)
    ApiKey.objects.filter(digest=api_keys.digest_of(expiring)).update(expires_at=Now() - timedelta(seconds=1))

    assert before == [200, 200]
    assert [refusal(one) for one in (text, expiring)] == [(401, "key_revoked"), (401, "key_expired")]


def test_deactivation_and_role_act_at_once(make_user: MakeUser) -> None:
    ann, bob = make_user(), make_user("bob@example.com")
    make_user("boss@example.com", staff=True)
    texts = [new_key(user)[1] for user in (ann, bob)]
    before = [with_key(text).get(ME).status_code for text in texts]

    access.deactivate(user=ann)
    roles.assign(user=bob, role=Role.OPERATOR)

    assert before == [200, 200]
    assert [refusal(text) for text in texts] == [(401, "account_inactive"), (401, "back_office_only")]
    access.reactivate(user=ann)
    roles.assign(user=bob, role=Role.NONE)
    assert [with_key(text).get(ME).status_code for text in texts] == [200, 200]


def test_keys_outlive_a_sign_out_and_a_new_password(make_user: MakeUser, sign_in: SignIn) -> None:
    user = make_user()
    browser, (_, text) = sign_in(user), new_key(user)

    access.sign_out_everywhere(user=user)
    user.set_password("another-long-passphrase")
    user.save(update_fields=["password", "updated_at"])

    assert (browser.get(ME).status_code, with_key(text).get(ME).status_code) == (401, 200)


@pytest.mark.parametrize("path", [ME, "/api/v1/tokens", "/api/v1/tokens/ledger", LOOKS, JOBS, "{job}", "{look}"])
def test_key_costs_as_many_statements_as_a_token(
    make_user: MakeUser, make_job: MakeJob, sign_in: SignIn, path: str
) -> None:
    user = make_user()
    look = user.looks.create(title="Stone Essence")
    path = path.format(job=f"{JOBS}/{make_job(user).pk}", look=f"{LOOKS}/{look.pk}")
    clients = [sign_in(user), with_key(new_key(user)[1])]
    warm = [client.get(path).status_code for client in clients]

    counts = []
    for client in clients:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(path).status_code == 200
        counts.append(len(captured))

    assert warm == [200, 200]
    assert counts[0] == counts[1] >= 1


def test_writing_with_a_key_costs_one_update_an_hour(make_user: MakeUser, sign_in: SignIn) -> None:
    user = make_user()
    key, text = new_key(user)
    browser, script = sign_in(user), with_key(text)
    browser.post(LOOKS, {"title": "compiles the statements"})

    counts = []
    for client in (browser, script, script):
        with CaptureQueriesContext(connection) as captured:
            assert client.post(LOOKS, {"title": "Stone"}).status_code == 201
        counts.append(len(captured))

    assert counts == [counts[0], counts[0] + 1, counts[0]]
    key.refresh_from_db()
    assert key.last_used_at


def test_last_use_is_renewed_after_an_hour(make_user: MakeUser) -> None:
    key, text = new_key(make_user())
    times = []
    for ago in (timedelta(minutes=59), timedelta(minutes=61)):
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=timezone.now() - ago)
        before = ApiKey.objects.get(pk=key.pk).last_used_at
        assert with_key(text).get(ME).status_code == 200
        times.append(ApiKey.objects.get(pk=key.pk).last_used_at == before)

    assert times == [True, False]


def test_refused_request_is_no_use(make_user: MakeUser) -> None:
    key, text = new_key(make_user(), "looks:read")

    assert with_key(text).get(ME).status_code == 403

    key.refresh_from_db()
    assert key.last_used_at is None


def test_key_in_a_log_line_is_redacted(make_user: MakeUser) -> None:
    key, text = new_key(make_user())

    assert redaction.redact(f"{key.prefix}: sent {text}, again {text[:40]}") == (
        f"{key.prefix}: sent [hidden], again [hidden]"
    )


def test_log_lines_of_the_request_name_the_key(make_user: MakeUser) -> None:
    user, lines = make_user(), io.StringIO()
    key, text = new_key(user)
    handler = logging.StreamHandler(lines)
    handler.setFormatter(log.JsonFormatter())
    logging.getLogger("videos").addHandler(handler)
    try:
        created = with_key(text).post(JOBS, {"mockMode": True, "prompt": "A red dress"})
    finally:
        logging.getLogger("videos").removeHandler(handler)

    logged = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert created.status_code == 202
    assert logged
    assert {line["api_key_id"] for line in logged} == {str(key.pk)}
    assert created.wsgi_request.META[api_keys.META_ID] == str(key.pk)  # of which gunicorn's own line takes it
    assert "api_key_id" not in log.parameters()
    assert text not in lines.getvalue()
