"""Which account a Google account signs in to; no way to another person's account, and one account at once."""

from collections import Counter
from functools import partial
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.utils import timezone
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken

from accounts import access, roles
from accounts.models import LedgerEntry, SignIn, User
from accounts.own_account import deletion
from accounts.sign_in.google import matching
from accounts.sign_in.google.id_tokens import Identity
from studio.errors import Conflict
from tests.conftest import PASSWORD, MakeUser
from tests.fakes.google_issuer import FakeIssuer
from tests.fixtures.google_issuer import SIGN_IN, SignInWithGoogle
from tests.threads import at_once

SUBJECT = "110169484474386276334"
TOKENS = ["access", "expiresIn", "refresh"]

pytestmark = pytest.mark.django_db


@pytest.fixture
def verified(make_user: MakeUser) -> User:
    """An account with a password and a verified address."""
    user = make_user()
    User.objects.filter(pk=user.pk).update(email_verified_at=timezone.now())
    user.refresh_from_db()
    return user


def google_ids() -> dict[str, str | None]:
    return dict(User.objects.values_list("email", "google_id"))


def history() -> list[tuple[Any, ...]]:
    return list(
        SignIn.objects.order_by("created_at", "id").values_list("user__email", "channel", "method", "succeeded")
    )


def test_first_sign_in_creates_a_verified_account_without_a_password(
    issuer: FakeIssuer, settings: Any, anonymous: APIClient
) -> None:
    settings.SIGNUP_TOKENS = 70

    response = anonymous.post(SIGN_IN, {"idToken": issuer.token(email="Ann@Example.com")})

    user = User.objects.get()
    assert AccessToken(response.json()["access"])["sub"] == str(user.pk)
    assert (user.email, user.google_id, user.has_usable_password()) == ("ann@example.com", SUBJECT, False)
    assert (user.email_verified_at is not None, user.is_staff, user.is_active) == (True, False, True)
    assert list(LedgerEntry.objects.values_list("account__user", "kind", "amount")) == [(user.pk, "signup", 70)]
    assert history() == [("ann@example.com", "api", "google", True)]
    me = anonymous.get("/api/v1/auth/me", HTTP_AUTHORIZATION=f"Bearer {response.json()['access']}")
    assert me.json()["tokens"]["balance"] == 70


def test_address_of_a_deleted_account_gets_no_tokens_again(sign_in_with_google: SignInWithGoogle) -> None:
    sign_in_with_google()
    deletion.delete(user=User.objects.get())

    assert sign_in_with_google() == (200, TOKENS)
    assert list(User.objects.filter(google_id=SUBJECT).values_list("email", "token_account__balance")) == [
        ("ann@example.com", 0)
    ]


def test_googles_id_decides_whatever_the_address_is_now(sign_in_with_google: SignInWithGoogle) -> None:
    sign_in_with_google()

    assert sign_in_with_google(email="ann@new.example") == (200, TOKENS)
    assert google_ids() == {"ann@example.com": SUBJECT}


def test_verified_account_of_the_address_is_linked(sign_in_with_google: SignInWithGoogle, verified: User) -> None:
    outcomes = [sign_in_with_google(), sign_in_with_google(email="ann@new.example")]

    assert outcomes == [(200, TOKENS)] * 2
    verified.refresh_from_db()
    assert (User.objects.count(), verified.google_id, verified.check_password(PASSWORD)) == (1, SUBJECT, True)


def test_account_that_never_verified_its_address_is_not_taken_over(
    sign_in_with_google: SignInWithGoogle, make_user: MakeUser
) -> None:
    make_user()

    assert sign_in_with_google() == (409, "email_unverified_account")
    assert google_ids() == {"ann@example.com": None}
    assert history() == [("ann@example.com", "api", "google", False)]


def test_account_of_another_google_account_is_not_taken_over(
    sign_in_with_google: SignInWithGoogle, verified: User
) -> None:
    sign_in_with_google()

    assert sign_in_with_google(sub="2") == (409, "other_google_account")
    assert google_ids() == {"ann@example.com": SUBJECT}


def test_closed_registration_lets_known_users_in_only(
    settings: Any, sign_in_with_google: SignInWithGoogle, verified: User
) -> None:
    settings.REGISTRATION_OPEN = False

    assert sign_in_with_google() == (200, TOKENS)
    assert sign_in_with_google(sub="2", email="bob@example.com") == (403, "registration_closed")
    assert google_ids() == {"ann@example.com": SUBJECT}


def test_new_accounts_count_as_registrations(settings: Any, sign_in_with_google: SignInWithGoogle) -> None:
    rates = settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"DEFAULT_THROTTLE_RATES": rates | {"register": "1/day"}}

    outcomes = [sign_in_with_google(sub=f"{n}", email=f"user{n}@example.com") for n in range(2)]

    assert outcomes == [(200, TOKENS), (429, "throttled")]
    assert sign_in_with_google(sub="0", email="user0@example.com") == (200, TOKENS)


def test_sign_ins_of_a_client_are_throttled(settings: Any, sign_in_with_google: SignInWithGoogle) -> None:
    rates = settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"DEFAULT_THROTTLE_RATES": rates | {"sign-in-client": "1/day"}}

    assert [sign_in_with_google() for _ in range(2)] == [(200, TOKENS), (429, "throttled")]


@pytest.mark.parametrize("is_linked", [True, False])
def test_deactivated_account_stays_closed(
    sign_in_with_google: SignInWithGoogle, verified: User, is_linked: bool
) -> None:
    if is_linked:
        sign_in_with_google()
    before = google_ids()
    access.deactivate(user=verified)

    assert sign_in_with_google() == (401, "account_inactive")
    assert google_ids() == before
    assert history()[-1] == ("ann@example.com", "api", "google", False)


@pytest.mark.parametrize("role", [roles.Role.SUPPORT, roles.Role.OPERATOR])
def test_role_of_the_back_office_gets_no_tokens(
    sign_in_with_google: SignInWithGoogle, verified: User, role: roles.Role
) -> None:
    roles.assign(user=verified, role=role)

    assert sign_in_with_google() == (403, "back_office_only")
    assert history() == [("ann@example.com", "api", "google", False)]


def test_invalid_tokens_block_googles_way_at_their_client_ip_only(
    settings: Any, issuer: FakeIssuer, sign_in_with_google: SignInWithGoogle, verified: User
) -> None:
    settings.AXES_FAILURE_LIMIT = 3
    refused = [sign_in_with_google("x.y.z") for _ in range(3)]

    assert refused == [(401, "google_token_invalid")] * 2 + [(429, "locked_out")]
    assert sign_in_with_google() == (429, "locked_out")
    assert APIClient(REMOTE_ADDR="10.0.0.9").post(SIGN_IN, {"idToken": issuer.token()}).status_code == 200
    password = APIClient().post("/api/v1/auth/token", {"email": "ann@example.com", "password": PASSWORD})
    assert password.status_code == 200
    assert [row[3] for row in history()] == [False] * 4 + [True] * 2


def test_sign_in_resets_the_counts(settings: Any, sign_in_with_google: SignInWithGoogle, verified: User) -> None:
    settings.AXES_FAILURE_LIMIT = 3
    sign_in_with_google("x.y.z")
    APIClient().post("/api/v1/auth/token", {"email": "ann@example.com", "password": "wrong"})

    assert AccessAttempt.objects.count() == 2
    assert sign_in_with_google() == (200, TOKENS)
    assert not AccessAttempt.objects.exists()


def test_account_locked_by_wrong_passwords_is_locked_here_too(
    settings: Any, sign_in_with_google: SignInWithGoogle, verified: User
) -> None:
    settings.AXES_FAILURE_LIMIT = 2
    for _ in range(2):
        APIClient().post("/api/v1/auth/token", {"email": "ann@example.com", "password": "wrong"})

    assert sign_in_with_google() == (429, "locked_out")
    assert google_ids() == {"ann@example.com": None}


def test_client_ip_with_too_many_wrong_passwords_is_locked_here_too(
    settings: Any, sign_in_with_google: SignInWithGoogle
) -> None:
    settings.SIGN_IN_ADDRESS_FAILURES = 2
    for n in range(2):
        APIClient().post("/api/v1/auth/token", {"email": f"user{n}@example.com", "password": "wrong"})

    assert sign_in_with_google() == (429, "locked_out")


@pytest.mark.parametrize("name", ["idToken", "id_token", "google_id_token", "googleIdToken"])
@pytest.mark.parametrize("kind", ["multipart", "json"])
def test_refused_token_is_kept_nowhere(issuer: FakeIssuer, caplog: Any, name: str, kind: str) -> None:
    token = issuer.token(aud="other.apps.googleusercontent.com")

    APIClient().post(f"{SIGN_IN}?{name}={token}", {name: token}, format=kind)
    APIClient().post(SIGN_IN, {name: token}, format=kind)

    assert AccessAttempt.objects.get().username == "google"
    kept = [str(list(model.objects.values())) for model in (AccessAttempt, SignIn)]
    assert token not in " ".join([*kept, caplog.text, *(str(record.__dict__) for record in caplog.records)])


def test_change_between_reading_and_linking_is_noticed(verified: User, make_user: MakeUser) -> None:
    identity = Identity(subject=SUBJECT, email=verified.email)
    read = matching.find(identity)
    assert read is not None
    User.objects.filter(pk=verified.pk).update(email="bob@example.com")

    with pytest.raises(Conflict) as refusal:
        matching.link(user=read, identity=identity)

    assert refusal.value.code == "conflict"
    assert google_ids() == {"bob@example.com": None}


def test_google_account_that_another_account_got_meanwhile_is_refused(verified: User, make_user: MakeUser) -> None:
    identity = Identity(subject=SUBJECT, email=verified.email)
    read = matching.find(identity)
    assert read is not None
    bob = make_user("bob@example.com")
    User.objects.filter(pk=bob.pk).update(google_id=SUBJECT)

    with pytest.raises(matching.OtherGoogleAccount):
        matching.link(user=read, identity=identity)

    assert google_ids() == {"ann@example.com": None, "bob@example.com": SUBJECT}


def status_of_sign_in(token: str) -> int:
    return APIClient().post(SIGN_IN, {"idToken": token}).status_code


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_first_sign_ins_at_once_make_one_account(issuer: FakeIssuer) -> None:
    token = issuer.token()

    statuses = Counter(at_once([partial(status_of_sign_in, token)] * 8))

    assert statuses == {200: 8}
    assert (google_ids(), LedgerEntry.objects.count()) == ({"ann@example.com": SUBJECT}, 1)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_two_google_accounts_of_one_address_at_once_link_one(issuer: FakeIssuer, verified: User) -> None:
    tokens = [issuer.token(sub=f"{n}") for n in range(6)]

    statuses = Counter(at_once([partial(status_of_sign_in, token) for token in tokens]))

    assert statuses == {200: 1, 409: 5}


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_first_sign_ins_at_once_link_one_account(issuer: FakeIssuer, verified: User) -> None:
    token = issuer.token()

    statuses = Counter(at_once([partial(status_of_sign_in, token)] * 6))

    assert (statuses, google_ids()) == ({200: 6}, {"ann@example.com": SUBJECT})
