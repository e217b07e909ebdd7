"""Verification of e-mail addresses: the mail, its link, and REQUIRE_VERIFIED_EMAIL."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import links, verification
from accounts.models import AccountTask, SignIn, User
from tests.accounts.mailbox import deliver, last_token
from tests.conftest import PASSWORD, MakeUser
from tests.conftest import SignIn as SignInAs

REQUEST, CONFIRM = "/api/v1/auth/email/verify", "/api/v1/auth/email/verify/confirm"
REGISTER, SIGN_IN, ME = (f"/api/v1/auth/{name}" for name in ("register", "token", "me"))
ANN = {"email": "ann@example.com"}
SUBJECT = "Verify your e-mail address"
INVALID = {"detail": "This link is not valid any more. Request a new one.", "code": "link_invalid"}

pytestmark = pytest.mark.django_db


def is_verified(email: str = "ann@example.com") -> bool:
    return User.objects.get(email=email).email_verified_at is not None


def test_registration_mails_a_link_that_verifies_the_address(anonymous: APIClient, sign_in: SignInAs) -> None:
    registered = anonymous.post(REGISTER, ANN | {"password": PASSWORD})
    sent = deliver()
    before = is_verified()

    confirmed = anonymous.post(CONFIRM, {"token": last_token()})

    assert (registered.status_code, registered.json()["emailVerified"]) == (201, False)
    assert sent == [("ann@example.com", SUBJECT)]
    assert (before, confirmed.status_code, is_verified()) == (False, 204, True)
    assert sign_in(User.objects.get()).get(ME).json()["emailVerified"] is True


def test_refused_registration_mails_nothing(anonymous: APIClient, make_user: MakeUser) -> None:
    make_user()

    assert anonymous.post(REGISTER, ANN | {"password": PASSWORD}).status_code == 400
    assert not AccountTask.objects.exists()


def test_link_works_once(anonymous: APIClient, make_user: MakeUser) -> None:
    make_user()
    anonymous.post(REQUEST, ANN)
    token = last_token()

    first, second = (anonymous.post(CONFIRM, {"token": token}) for _ in range(2))

    assert (first.status_code, second.status_code, second.json()) == (204, 400, INVALID)


def test_earlier_link_works_until_one_is_used(anonymous: APIClient, make_user: MakeUser) -> None:
    make_user()
    tokens = []
    for _ in range(2):
        anonymous.post(REQUEST, ANN)
        tokens.append(last_token())

    assert [anonymous.post(CONFIRM, {"token": token}).status_code for token in tokens] == [204, 400]


@pytest.mark.parametrize(
    "kind", ["nonsense", "empty id", "of a reset", "of another user", "old", "changed", "inactive"]
)
def test_bad_link_verifies_nothing(anonymous: APIClient, make_user: MakeUser, settings: Any, kind: str) -> None:
    ann, bob = make_user(), make_user("bob@example.com")
    token = links.token_of(user=ann, purpose=links.VERIFICATION)
    if kind == "old":
        settings.PASSWORD_RESET_TIMEOUT = -1
    elif kind == "changed":
        User.objects.filter(pk=ann.pk).update(email="new@example.com")
    elif kind == "inactive":
        User.objects.filter(pk=ann.pk).update(is_active=False)
    bad = {
        "nonsense": "x",
        "empty id": f"-{token}",
        "of a reset": links.token_of(user=ann, purpose=links.RESET),
        "of another user": f"{bob.pk.hex}-{token.partition('-')[2]}",
    }.get(kind, token)

    answer = anonymous.post(CONFIRM, {"token": bad})

    assert (answer.status_code, answer.json()) == (400, INVALID)
    assert not User.objects.exclude(email_verified_at=None).exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_simultaneous_uses_one_succeeds(make_user: MakeUser) -> None:
    token = links.token_of(user=make_user(), purpose=links.VERIFICATION)
    barrier, outcomes = threading.Barrier(2), []

    def use() -> None:
        barrier.wait()
        try:
            verification.confirm(token=token)
            outcomes.append("verified")
        except links.LinkInvalid:
            outcomes.append("refused")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=use) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["refused", "verified"]


@pytest.mark.parametrize("kind", ["unverified", "verified", "inactive", "unknown"])
def test_request_is_the_same_for_every_address(anonymous: APIClient, make_user: MakeUser, kind: str) -> None:
    if kind != "unknown":
        ann = make_user()
        verified_at = timezone.now() if kind == "verified" else None
        User.objects.filter(pk=ann.pk).update(is_active=kind != "inactive", email_verified_at=verified_at)

    with CaptureQueriesContext(connection) as captured:
        answer = anonymous.post(REQUEST, {"email": " Ann@Example.com "})

    message = "If an account has this address and has not verified it, a mail with a link is on its way."
    assert (answer.status_code, answer.json()) == (202, {"message": message})
    assert [query["sql"].split('"')[:2] for query in captured.captured_queries] == [
        ["INSERT INTO ", "accounts_accounttask"]
    ]
    assert deliver() == ([("ann@example.com", SUBJECT)] if kind == "unverified" else [])
    assert AccountTask.objects.get().finished_at is not None


def test_signed_in_or_not_makes_no_difference(make_user: MakeUser, sign_in: SignInAs) -> None:
    client = sign_in(make_user())
    stale = APIClient(HTTP_AUTHORIZATION="Bearer nonsense")

    assert [one.post(REQUEST, ANN).status_code for one in (client, stale)] == [202, 202]


@pytest.mark.parametrize("form", [{}, {"email": "ann"}, {"email": ["ann@example.com"]}, {"mail": "ann@example.com"}])
def test_malformed_request_adds_no_task(anonymous: APIClient, form: Any) -> None:
    assert anonymous.post(REQUEST, form).status_code == 400
    assert not AccountTask.objects.exists()


def test_server_without_mails_says_so(anonymous: APIClient, settings: Any) -> None:
    settings.MAIL_IS_CONFIGURED = False

    answer = anonymous.post(REQUEST, ANN)
    registered = anonymous.post(REGISTER, ANN | {"password": PASSWORD})

    body = {"detail": "This server sends no mails. Ask its staff for help.", "code": "no_mail"}
    assert (answer.status_code, answer.json()) == (503, body)
    assert (registered.status_code, AccountTask.objects.count()) == (201, 0)


# -- REQUIRE_VERIFIED_EMAIL


def test_unverified_user_signs_in_after_the_verification(
    anonymous: APIClient, make_user: MakeUser, settings: Any
) -> None:
    settings.REQUIRE_VERIFIED_EMAIL = True
    make_user()
    form = ANN | {"password": PASSWORD}

    refused = anonymous.post(SIGN_IN, form)
    wrong = anonymous.post(SIGN_IN, ANN | {"password": "wrong-violet-42"})
    anonymous.post(REQUEST, ANN)
    anonymous.post(CONFIRM, {"token": last_token()})
    allowed = anonymous.post(SIGN_IN, form)

    assert (refused.status_code, refused.json()) == (
        403,
        {
            "detail": "Verify your e-mail address first: open the link in our mail, or request another one.",
            "code": "email_unverified",
        },
    )
    assert (wrong.status_code, wrong.json()["code"]) == (401, "no_active_account")
    assert allowed.status_code == 200
    attempts = SignIn.objects.order_by("created_at").values_list("succeeded", flat=True)
    assert list(attempts) == [False, False, True]


def test_back_office_does_not_ask_for_a_verified_address(client: Any, make_user: MakeUser, settings: Any) -> None:
    settings.REQUIRE_VERIFIED_EMAIL = True
    make_user("sue@example.com", staff=True)

    answer = client.post("/admin/login/", {"username": "sue@example.com", "password": PASSWORD})

    assert (answer.status_code, "_auth_user_id" in client.session) == (302, True)


def test_mail_has_a_plain_and_an_html_text_and_loads_nothing(anonymous: APIClient, make_user: MakeUser) -> None:
    make_user()
    anonymous.post(REQUEST, ANN)
    token = last_token()

    message: Any = mail.outbox[0]

    link = f"http://localhost:8000/verify-email?token={token}"
    html, kind = message.alternatives[0]
    assert (message.from_email, message.to, kind) == ("AI Studio <studio@localhost>", ["ann@example.com"], "text/html")
    assert (message.body.count(link), html.count(f'href="{link}"')) == (1, 1)
    assert [word for word in ("<img", "<link", "<script", "src=", "url(") if word in html] == []
    assert message.message()["Message-ID"] == f"<{AccountTask.objects.get().pk}@localhost>"
    assert message.message()["Auto-Submitted"] == "auto-generated"


def test_link_ends_after_an_hour(make_user: MakeUser, monkeypatch: pytest.MonkeyPatch) -> None:
    ann = make_user()
    token = links.token_of(user=ann, purpose=links.VERIFICATION)
    clock = timezone.now().replace(tzinfo=None)
    outcomes = []

    for minutes in (59, 61):
        monkeypatch.setattr(links.VERIFICATION, "_now", lambda minutes=minutes: clock + timedelta(minutes=minutes))
        try:
            outcomes.append(links.owner_of(token=token, purpose=links.VERIFICATION) == ann)
        except links.LinkInvalid:
            outcomes.append(False)

    assert outcomes == [True, False]
