"""POST auth/password/reset and …/confirm: a new password for a user who forgot it."""

import threading
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.db import connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts import links, passwords
from accounts.models import AccountTask, Session, User
from tests.accounts.mailbox import deliver, last_token
from tests.conftest import PASSWORD, MakeUser

REQUEST, CONFIRM = "/api/v1/auth/password/reset", "/api/v1/auth/password/reset/confirm"
SIGN_IN, ME = "/api/v1/auth/token", "/api/v1/auth/me"
ANN = {"email": "ann@example.com"}
NEW = "another-violet-43"
INVALID = {"detail": "This link is not valid any more. Request a new one.", "code": "link_invalid"}

pytestmark = pytest.mark.django_db


def confirm(token: str, new: str = NEW) -> tuple[int, Any]:
    answer = APIClient().post(CONFIRM, {"token": token, "newPassword": new})
    return answer.status_code, answer.json() if answer.content else None


def requested() -> str:
    """The token of a mail that was just requested."""
    assert APIClient().post(REQUEST, ANN).status_code == 202
    return last_token()


def token_for(user: User) -> str:
    return links.token_of(user=user, purpose=links.RESET)


def test_forgotten_password_is_replaced_by_the_mailed_link(anonymous: APIClient, make_user: MakeUser) -> None:
    make_user()
    token = requested()

    outcome = confirm(token)

    assert outcome == (204, None)
    signed_in = [anonymous.post(SIGN_IN, ANN | {"password": one}).status_code for one in (PASSWORD, NEW)]
    assert signed_in == [401, 200]
    assert User.objects.get().email_verified_at is not None
    assert deliver() == [("ann@example.com", "Your password was changed")]


def test_all_sessions_end(anonymous: APIClient, make_user: MakeUser) -> None:
    office = Client()
    office.force_login(make_user(staff=True))
    access = anonymous.post(SIGN_IN, ANN | {"password": PASSWORD}).json()["access"]
    phone = APIClient(HTTP_AUTHORIZATION=f"Bearer {access}")
    before = (office.get("/admin/").status_code, phone.get(ME).status_code)

    confirm(requested())

    assert before == (200, 200)
    assert (office.get("/admin/").status_code, phone.get(ME).status_code) == (302, 401)
    assert Session.objects.get().end_reason == Session.End.PASSWORD_CHANGED


def test_lockout_ends_with_the_new_password(anonymous: APIClient, make_user: MakeUser, settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT = 2
    make_user()
    for _ in range(2):
        locked = anonymous.post(SIGN_IN, ANN | {"password": "wrong-violet-42"})

    confirm(requested())

    assert (locked.status_code, AccessAttempt.objects.count()) == (429, 0)
    assert anonymous.post(SIGN_IN, ANN | {"password": NEW}).status_code == 200


def test_link_works_once(make_user: MakeUser) -> None:
    make_user()
    token = requested()

    assert [confirm(token), confirm(token, "third-violet-44")] == [(204, None), (400, INVALID)]
    assert User.objects.get().check_password(NEW)


@pytest.mark.parametrize("kind", ["nonsense", "verification", "of another user", "old", "inactive", "signed in since"])
def test_bad_link_changes_nothing(anonymous: APIClient, make_user: MakeUser, settings: Any, kind: str) -> None:
    ann, bob = make_user(), make_user("bob@example.com")
    token = token_for(ann)
    if kind == "old":
        settings.PASSWORD_RESET_TIMEOUT = -1
    elif kind == "inactive":
        User.objects.filter(pk=ann.pk).update(is_active=False)
    elif kind == "signed in since":
        anonymous.post(SIGN_IN, ANN | {"password": PASSWORD})
    bad = {
        "nonsense": "x",
        "verification": links.token_of(user=ann, purpose=links.VERIFICATION),
        "of another user": f"{bob.pk.hex}-{token.partition('-')[2]}",
    }.get(kind, token)

    assert confirm(bad) == (400, INVALID)
    assert all(user.check_password(PASSWORD) for user in User.objects.all())


def test_weak_password_is_refused_by_field_and_the_link_still_works(make_user: MakeUser) -> None:
    make_user()
    token = requested()

    status, body = confirm(token, "ann@example.com")

    assert (status, body) == (
        400,
        {
            "detail": "newPassword: The password is too similar to the email.",
            "code": "invalid",
            "errors": {"newPassword": ["The password is too similar to the email."]},
        },
    )
    assert confirm(token) == (204, None)


@pytest.mark.django_db(transaction=True)
def test_of_two_simultaneous_uses_one_succeeds(make_user: MakeUser) -> None:
    token = token_for(make_user())
    barrier, outcomes = threading.Barrier(2), []

    def use(new: str) -> None:
        barrier.wait()
        try:
            passwords.reset(token=token, new=new)
            outcomes.append(new)
        except links.LinkInvalid:
            outcomes.append("refused")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=use, args=(new,)) for new in (NEW, "third-violet-44")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(outcomes)) == 2
    winner = next(outcome for outcome in outcomes if outcome != "refused")
    assert User.objects.get().check_password(winner)
    assert AccountTask.objects.count() == 1  # "your password was changed"


@pytest.mark.parametrize("kind", ["active", "without a password", "inactive", "unknown"])
def test_request_is_the_same_for_every_address(anonymous: APIClient, make_user: MakeUser, kind: str) -> None:
    if kind != "unknown":
        ann = make_user()
        if kind == "without a password":
            ann.set_unusable_password()
        ann.is_active = kind != "inactive"
        ann.save(update_fields=["password", "is_active"])

    with CaptureQueriesContext(connection) as captured:
        answer = anonymous.post(REQUEST, {"email": "ANN@example.com"})

    message = "If an account has this address, a mail with a link is on its way."
    assert (answer.status_code, answer.json()) == (202, {"message": message})
    assert [query["sql"].split('"')[:2] for query in captured.captured_queries] == [
        ["INSERT INTO ", "accounts_accounttask"]
    ]
    is_sent = kind in {"active", "without a password"}
    assert deliver() == ([("ann@example.com", "Set a new password")] if is_sent else [])


def test_user_without_a_password_gets_one_by_the_link(anonymous: APIClient, make_user: MakeUser) -> None:
    ann = make_user()
    ann.set_unusable_password()
    ann.save(update_fields=["password"])

    assert confirm(requested()) == (204, None)
    assert anonymous.post(SIGN_IN, ANN | {"password": NEW}).status_code == 200


def test_requests_are_limited_by_address_and_by_client(settings: Any) -> None:
    rates = settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"] | {"mail": "2/day", "mail-client": "4/day"}
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"DEFAULT_THROTTLE_RATES": rates}

    def ask(email: str, ip: str, url: str = REQUEST) -> int:
        return int(APIClient(REMOTE_ADDR=ip).post(url, {"email": email}).status_code)

    of_address = [
        ask("ann@example.com", "10.0.0.1"),
        ask("Ann@example.com ", "10.0.0.2"),
        ask("ANN@example.com", "10.0.0.3"),
    ]
    of_another_kind = ask("ann@example.com", "10.0.0.3", "/api/v1/auth/email/verify")
    of_client = [ask(f"user{number}@example.com", "10.0.0.9") for number in range(5)]

    assert of_address == [202, 202, 429]
    assert of_another_kind == 202
    assert of_client == [202] * 4 + [429]


def test_nothing_secret_is_logged_or_kept(make_user: MakeUser, caplog: pytest.LogCaptureFixture, settings: Any) -> None:
    settings.LOG_MAIL_LINKS = False
    make_user()
    token = requested()
    confirm(token)

    rows = str(list(AccountTask.objects.values()))
    for secret in (token, token.rpartition("-")[2], NEW, PASSWORD):
        assert secret not in caplog.text + str([vars(record) for record in caplog.records]) + rows
