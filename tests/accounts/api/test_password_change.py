"""POST auth/password: a new password for a user who knows the current one."""

from typing import Any

import pytest
from axes.models import AccessAttempt
from django.core import mail
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import AccountTask, Session, SignIn, User
from tests.accounts.mailbox import deliver
from tests.conftest import PASSWORD, MakeUser

URL, SIGN_IN, REFRESH, ME = (f"/api/v1/auth/{name}" for name in ("password", "token", "token/refresh", "me"))
NEW = "another-violet-43"
FORM = {"currentPassword": PASSWORD, "newPassword": NEW}
ANN = "ann@example.com"

pytestmark = pytest.mark.django_db


def signed_in(password: str = PASSWORD, **facts: str) -> tuple[APIClient, dict[str, Any]]:
    """A client with the tokens of a new session, and these."""
    client = APIClient(**facts)
    tokens = client.post(SIGN_IN, {"email": ANN, "password": password}).json()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {tokens['access']}")
    return client, tokens


def test_password_is_changed_and_only_the_new_session_lives(make_user: MakeUser) -> None:
    make_user()
    here, old = signed_in()
    elsewhere, others = signed_in()

    answer = here.post(URL, FORM)

    new = answer.json()
    assert (answer.status_code, sorted(new)) == (200, ["access", "expiresIn", "refresh"])
    assert APIClient(HTTP_AUTHORIZATION=f"Bearer {new['access']}").get(ME).status_code == 200
    assert [client.get(ME).status_code for client in (here, elsewhere)] == [401, 401]
    refreshed = [here.post(REFRESH, {"refresh": one["refresh"]}).status_code for one in (old, others, new)]
    assert refreshed == [401, 401, 200]
    ends = Session.objects.order_by("created_at").values_list("end_reason", flat=True)
    assert list(ends) == ["password_changed", "password_changed", ""]
    assert User.objects.get().check_password(NEW)


def test_back_office_sessions_end_too(make_user: MakeUser) -> None:
    office = Client()
    office.force_login(make_user(staff=True))
    before = office.get("/admin/").status_code

    signed_in()[0].post(URL, FORM)

    assert (before, office.get("/admin/").status_code) == (200, 302)


def test_user_is_informed_by_mail(make_user: MakeUser) -> None:
    make_user()

    signed_in()[0].post(URL, FORM)

    assert deliver() == [(ANN, "Your password was changed")]
    assert NEW not in mail.outbox[0].body


@pytest.mark.parametrize(
    ("form", "code", "message"),
    [
        ({"newPassword": NEW}, "invalid", "This field is required."),
        ({"currentPassword": "", "newPassword": NEW}, "invalid", "This field may not be blank."),
        ({"currentPassword": f"{PASSWORD} ", "newPassword": NEW}, "wrong_password", "The current password is wrong."),
    ],
)
def test_wrong_or_missing_current_password_changes_nothing(
    make_user: MakeUser, form: dict[str, str], code: str, message: str
) -> None:
    make_user()
    client, _ = signed_in()

    answer = client.post(URL, form)

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert answer.json()["errors"]["currentPassword"] == [message]
    assert (client.get(ME).status_code, AccountTask.objects.count()) == (200, 0)
    assert User.objects.get().check_password(PASSWORD)


@pytest.mark.parametrize(
    ("new", "message"),
    [
        ("12345678", "This password is too common."),
        ("ann@example.com", "The password is too similar to the email."),
        ("short", "This password is too short. It must contain at least 8 characters."),
        ("x" * 129, "Ensure this field has no more than 128 characters."),
    ],
)
def test_weak_new_password_is_refused_by_field(make_user: MakeUser, new: str, message: str) -> None:
    make_user()
    client, _ = signed_in()

    answer = client.post(URL, FORM | {"newPassword": new})

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert answer.json()["errors"]["newPassword"][0] == message
    assert client.get(ME).status_code == 200


def test_wrong_passwords_count_like_failed_sign_ins(make_user: MakeUser, settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT = 3
    make_user()
    client, _ = signed_in()

    statuses = [client.post(URL, FORM | {"currentPassword": "wrong-violet-42"}).status_code for _ in range(3)]
    right = client.post(URL, FORM)
    sign_in = client.post(SIGN_IN, {"email": ANN, "password": PASSWORD})

    assert statuses == [400, 400, 429]
    assert (right.status_code, right.json()["code"], "Retry-After" in right) == (429, "locked_out", True)
    assert (sign_in.status_code, sign_in.json()["code"]) == (429, "locked_out")
    assert SignIn.objects.filter(succeeded=False, user__email=ANN).exists()
    assert User.objects.get().check_password(PASSWORD)


def test_right_password_resets_the_count(make_user: MakeUser) -> None:
    make_user()
    client, _ = signed_in()
    client.post(URL, FORM | {"currentPassword": "wrong-violet-42"})
    before = AccessAttempt.objects.count()

    client.post(URL, FORM)

    assert (before, AccessAttempt.objects.count()) == (1, 0)


def test_stolen_token_cannot_guess_from_many_addresses(make_user: MakeUser, settings: Any) -> None:
    rates = settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"] | {"sign-in-account": "2/day"}
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"DEFAULT_THROTTLE_RATES": rates}
    make_user()
    client, _ = signed_in()

    answers = [
        client.post(URL, FORM | {"currentPassword": "wrong-violet-42"}, REMOTE_ADDR=f"10.0.0.{number}").status_code
        for number in range(3)
    ]

    assert answers == [400, 400, 429]


@pytest.mark.parametrize("form", [{}, {"newPassword": NEW}, {"currentPassword": PASSWORD, "newPassword": "12345678"}])
def test_form_whose_password_is_not_compared_costs_no_check(
    make_user: MakeUser, settings: Any, form: dict[str, str]
) -> None:
    rates = settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"] | {"sign-in-account": "2/day"}
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"DEFAULT_THROTTLE_RATES": rates}
    make_user()
    client, _ = signed_in()

    statuses = [client.post(URL, form).status_code for _ in range(3)]

    assert (statuses, client.post(URL, FORM).status_code) == ([400, 400, 400], 200)


def test_account_without_a_password_sets_one_after_a_fresh_sign_in(make_user: MakeUser) -> None:
    make_user()
    client, _ = signed_in()
    user = User.objects.get()
    user.set_unusable_password()
    user.save(update_fields=["password"])
    access = fresh_access(user)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {access}")

    answer = client.post(URL, {"newPassword": NEW})

    assert answer.status_code == 200
    assert User.objects.get().check_password(NEW)


def test_account_without_a_password_has_to_sign_in_again_later(make_user: MakeUser) -> None:
    user = make_user()
    user.set_unusable_password()
    user.save(update_fields=["password"])
    access = fresh_access(user)
    Session.objects.update(signed_in_at="2026-01-01T00:00Z")

    answer = APIClient(HTTP_AUTHORIZATION=f"Bearer {access}").post(URL, {"newPassword": NEW, "currentPassword": "x"})

    assert (answer.status_code, answer.json()) == (
        403,
        {"detail": "Send your password, or sign in again first.", "code": "confirmation_needed"},
    )
    assert not User.objects.get().has_usable_password()


def fresh_access(user: User) -> str:
    """The access token of a session that begins now, as a sign-in with Google begins it."""
    from accounts.models import Method  # noqa: PLC0415
    from accounts.sign_in import sessions  # noqa: PLC0415

    request: Any = APIClient().get("/healthz").wsgi_request
    return str(sessions.begin(user=user, request=request, method=Method.GOOGLE)["access"])
