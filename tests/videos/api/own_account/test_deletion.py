"""The deletion of the caller's own account: what confirms it, and what it ends at once."""

import uuid
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.db.models.functions import Now
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import ledger, verification
from accounts.models import AccountTask, FormerAddress, Session, SignIn, User
from accounts.own_account import deletion
from tests.conftest import PASSWORD, MakeUser
from tests.videos.api.own_account.conftest import EMAIL, ME, age_sign_in, token

pytestmark = pytest.mark.django_db


class TestDeletion:
    def test_fresh_sign_in_needs_no_password(self, client: APIClient, user: User) -> None:
        assert client.delete(ME).status_code == 204

        user.refresh_from_db()
        assert (user.email, user.name, user.is_active) == (f"deleted-{user.pk}@deleted.invalid", "", False)
        assert user.deleted_at is not None
        assert not user.has_usable_password()
        assert list(AccountTask.objects.values_list("kind", "user", "email")) == [("deletion", user.pk, EMAIL)]

    def test_tokens_and_password_stop_at_once(self, client: APIClient, user: User) -> None:
        refresh = token().json()["refresh"]

        client.delete(ME)

        assert client.get(ME).status_code == 401
        assert APIClient().post("/api/v1/auth/token/refresh", {"refresh": refresh}, format="json").status_code == 401
        assert token().status_code == 401
        assert not Session.objects.filter(ended_at=None).exists()

    def test_old_session_needs_the_password(self, client: APIClient, user: User) -> None:
        age_sign_in()

        response = client.delete(ME)

        assert (response.status_code, response.json()["code"]) == (403, "confirmation_needed")
        assert client.get(ME).status_code == 200
        assert client.delete(ME, {"password": PASSWORD}, format="json").status_code == 204
        user.refresh_from_db()
        assert user.deleted_at is not None

    def test_wrong_password_is_refused_recorded_and_counted(self, client: APIClient, user: User) -> None:
        response = client.delete(ME, {"password": "wrong"}, format="json")

        assert (response.status_code, response.json()["code"]) == (403, "wrong_password")
        assert AccessAttempt.objects.get().failures_since_start == 1
        assert SignIn.objects.filter(user=user, succeeded=False).count() == 1
        user.refresh_from_db()
        assert user.deleted_at is None

    def test_wrong_passwords_lock_the_deletion_and_the_sign_in(
        self, client: APIClient, user: User, settings: Any
    ) -> None:
        settings.AXES_FAILURE_LIMIT = 2

        codes = [client.delete(ME, {"password": "wrong"}, format="json").json()["code"] for _ in range(2)]

        assert codes == ["wrong_password", "locked_out"]
        assert client.delete(ME, {"password": PASSWORD}, format="json").status_code == 429
        assert token().status_code == 429

    def test_stolen_token_cannot_guess_from_many_addresses(self, client: APIClient, settings: Any) -> None:
        rates = settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"] | {"sign-in-account": "2/day"}
        settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"DEFAULT_THROTTLE_RATES": rates}

        responses = [
            client.delete(ME, {"password": "wrong"}, format="json", REMOTE_ADDR=f"10.0.0.{number}")
            for number in range(3)
        ]

        assert [one.json()["code"] for one in responses] == ["wrong_password", "wrong_password", "throttled"]
        assert (responses[-1].status_code, "Retry-After" in responses[-1]) == (429, True)

    def test_right_password_resets_the_count_of_wrong_ones(self, client: APIClient) -> None:
        client.delete(ME, {"password": "wrong"}, format="json")

        client.delete(ME, {"password": PASSWORD}, format="json")

        assert not AccessAttempt.objects.exists()

    def test_misspelled_field_deletes_nothing(self, client: APIClient, user: User) -> None:
        response = client.delete(ME, {"pasword": PASSWORD}, format="json")

        assert (response.status_code, response.json()["code"]) == (400, "unknown_field")
        user.refresh_from_db()
        assert user.deleted_at is None

    def test_last_admin_is_refused(self, make_user: MakeUser) -> None:
        admin = make_user("root@example.com", staff=True)
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {token('root@example.com').json()['access']}")

        response = client.delete(ME)

        assert (response.status_code, response.json()["code"]) == (409, "last_admin")
        make_user("second@example.com", staff=True)
        assert client.delete(ME).status_code == 204
        admin.refresh_from_db()
        assert (admin.is_staff, admin.is_superuser) == (False, False)

    @pytest.mark.parametrize(
        ("verified", "charged", "balance"), [(True, False, 0), (False, True, 0), (False, False, 100)]
    )
    def test_second_tokens_are_refused_after_an_account_that_verified_the_address_or_spent_some(
        self, user: User, verified: bool, charged: bool, balance: int
    ) -> None:
        if verified:
            verification.mark_verified(user=user)
        if charged:
            ledger.charge(account=user.token_account, tokens=50, job_id=uuid.uuid4())
        deletion.delete(user=user)

        again = APIClient().post("/api/v1/auth/register", {"email": EMAIL, "password": PASSWORD}, format="json")

        assert again.json()["tokens"]["balance"] == balance

    def test_address_can_be_registered_at_once_but_gets_no_second_tokens(self, client: APIClient, user: User) -> None:
        User.objects.update(email_verified_at=timezone.now())
        client.delete(ME)

        again = APIClient().post("/api/v1/auth/register", {"email": EMAIL, "password": PASSWORD}, format="json")

        assert (again.status_code, again.json()["tokens"]["balance"]) == (201, 0)
        assert token().status_code == 200
        assert EMAIL not in str(list(FormerAddress.objects.values()))

    def test_address_is_forgotten_after_its_days(self, client: APIClient, user: User) -> None:
        User.objects.update(email_verified_at=timezone.now())
        client.delete(ME)
        FormerAddress.objects.update(expires_at=Now())

        again = APIClient().post("/api/v1/auth/register", {"email": EMAIL, "password": PASSWORD}, format="json")

        assert again.json()["tokens"]["balance"] == 100

    def test_address_is_not_remembered_where_the_setting_says_so(
        self, client: APIClient, user: User, settings: Any
    ) -> None:
        settings.DELETED_ADDRESS_DAYS = 0

        User.objects.update(email_verified_at=timezone.now())
        client.delete(ME)

        assert not FormerAddress.objects.exists()

    def test_address_is_known_after_a_change_of_the_secret_key(
        self, client: APIClient, user: User, settings: Any
    ) -> None:
        User.objects.update(email_verified_at=timezone.now())
        client.delete(ME)
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another" * 10, [settings.SECRET_KEY]

        again = APIClient().post("/api/v1/auth/register", {"email": EMAIL, "password": PASSWORD}, format="json")

        assert again.json()["tokens"]["balance"] == 0

    def test_address_of_a_deleted_account_cannot_be_registered(self, user: User) -> None:
        email = f"deleted-{user.pk}@deleted.invalid"

        response = APIClient().post("/api/v1/auth/register", {"email": email, "password": PASSWORD}, format="json")

        assert response.status_code == 400
