"""The caller's own account: name, export, deletion."""

import io
import json
import uuid
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import ledger, verification
from accounts.models import AccountTask, FormerAddress, Session, SignIn, User
from accounts.own_account import deletion, exports
from operations import account_tasks
from tests.conftest import PASSWORD, MakeUser
from tests.conftest import SignIn as SignInFixture
from tests.fixtures.looks import MakeLook
from tests.fixtures.video_jobs import MakeJob
from videos.phases import Phase

pytestmark = pytest.mark.django_db

ME, EXPORT = "/api/v1/auth/me", "/api/v1/auth/me/export"
EMAIL = "ann@example.com"


def token(email: str = EMAIL, password: str = PASSWORD) -> Any:
    return APIClient().post("/api/v1/auth/token", {"email": email, "password": password}, format="json")


@pytest.fixture
def user(make_user: MakeUser) -> User:
    return make_user(EMAIL)


@pytest.fixture
def client(user: User) -> APIClient:
    """Signed in a moment ago."""
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token().json()['access']}")
    return client


def age_sign_in() -> None:
    Session.objects.update(signed_in_at=timezone.now() - timedelta(minutes=11))


class TestName:
    def test_name_is_trimmed_stored_and_shown(self, client: APIClient, user: User) -> None:
        response = client.patch(ME, {"name": "  Ann Å. "}, format="json")

        assert (response.status_code, response.json()["name"]) == (200, "Ann Å.")
        assert client.get(ME).json() == response.json()
        user.refresh_from_db()
        assert user.name == "Ann Å."

    @pytest.mark.parametrize("change", [{"email": "new@example.com"}, {"isStaff": True}, {"is_staff": True}])
    def test_change_that_would_be_lost_is_refused(self, client: APIClient, user: User, change: Any) -> None:
        response = client.patch(ME, {"name": "Ann", **change}, format="json")

        assert (response.status_code, list(response.json()["errors"])) == (400, list(change))
        user.refresh_from_db()
        assert user.name == ""

    def test_account_can_be_sent_back_and_only_the_name_changes(self, client: APIClient) -> None:
        before = client.get(ME).json()

        response = client.patch(ME, before | {"name": "Ann"}, format="json")

        assert response.json() == before | {"name": "Ann"}

    @pytest.mark.parametrize("name", ["x" * 101, "a\0b", "\ud800", 7, ["Ann"]])
    def test_unusable_name_is_refused(self, client: APIClient, user: User, name: Any) -> None:
        response = client.patch(ME, json.dumps({"name": name}), content_type="application/json")

        assert (response.status_code, response.json()["code"] in {"invalid", "parse_error"}) == (400, True)
        user.refresh_from_db()
        assert user.name == ""

    def test_name_is_removed_by_an_empty_one(self, client: APIClient) -> None:
        client.patch(ME, {"name": "Ann"}, format="json")

        assert client.patch(ME, {"name": ""}, format="json").json()["name"] == ""

    def test_unknown_field_is_refused(self, client: APIClient) -> None:
        response = client.patch(ME, {"nmae": "Ann"}, format="json")

        assert (response.status_code, response.json()["code"]) == (400, "unknown_field")


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
        FormerAddress.objects.update(expires_at=timezone.now())

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


class TestExport:
    def test_first_request_begins_one_and_the_next_ones_wait_for_it(self, client: APIClient) -> None:
        responses = [client.get(EXPORT) for _ in range(2)]

        assert [(one.status_code, one.json(), one["Retry-After"]) for one in responses] == [
            (202, {"status": "preparing"}, "3")
        ] * 2
        assert AccountTask.objects.count() == 1

    def test_finished_one_is_sent_as_a_file(
        self, client: APIClient, user: User, make_job: MakeJob, make_look: MakeLook, media: Any
    ) -> None:
        look = make_look(user)
        job = make_job(user, phase=Phase.SUCCEEDED, prompt="A red dress")
        look.look_videos.create(video=job)
        client.get(EXPORT)
        account_tasks.run_others(_never())

        response = client.get(EXPORT)

        assert (response.status_code, response["Content-Type"]) == (200, "application/zip")
        day = timezone.now().date()
        assert response["Content-Disposition"] == f'attachment; filename="account-{day}.zip"'
        archive = zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content)))
        video = json.loads(archive.read("video-jobs.json"))[0]
        assert video["cloudinaryUrl"] == f"http://testserver/media/videos/{job.pk}.mp4"
        assert (video["prompt"], video["lookIds"]) == ("A red dress", [str(look.pk)])

    def test_failed_one_is_tried_again(self, client: APIClient) -> None:
        client.get(EXPORT)
        AccountTask.objects.update(failed_at=timezone.now(), last_error="OSError: disk")

        assert client.get(EXPORT).status_code == 202
        assert AccountTask.objects.filter(failed_at=None).count() == 1

    def test_too_large_one_is_refused_with_the_reason(self, client: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("operations.account_data.export.MIB_MAX", 0)
        client.get(EXPORT)
        account_tasks.run_others(_never())

        response = client.get(EXPORT)

        assert (response.status_code, response.json()["code"]) == (409, "export_too_large")
        assert AccountTask.objects.count() == 1

    def test_old_one_is_made_again(self, client: APIClient) -> None:
        client.get(EXPORT)
        account_tasks.run_others(_never())
        AccountTask.objects.update(finished_at=timezone.now() - exports.KEPT)

        assert client.get(EXPORT).status_code == 202

    def test_purged_one_is_made_again(self, client: APIClient) -> None:
        client.get(EXPORT)
        account_tasks.run_others(_never())
        AccountTask.objects.update(content=None)

        assert client.get(EXPORT).status_code == 202

    def test_others_do_not_get_it(self, client: APIClient, make_user: MakeUser, sign_in: SignInFixture) -> None:
        client.get(EXPORT)
        account_tasks.run_others(_never())

        assert sign_in(make_user("eve@example.com")).get(EXPORT).status_code == 202


def _never() -> Any:
    import threading  # noqa: PLC0415

    return threading.Event()
