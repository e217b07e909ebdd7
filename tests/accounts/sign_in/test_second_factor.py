import re
import time
from typing import Any

import pytest
from django.test import Client
from django_otp.oath import TOTP
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.models import User
from accounts.registration import create_user
from accounts.sign_in import second_factor

PASSWORD = "lorry-violet-42"
PAGE, CODE, OFFICE = "/admin/second-factor/", "/admin/second-factor/code/", "/admin/"
WRONG = "This code is wrong, or was used before."

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _time_is_left() -> None:
    """Wait near the end of a 30 s step: a code made before it would be too old at its check."""
    left = 30 - time.time() % 30  # seconds
    if left < 3:
        time.sleep(left)


@pytest.fixture
def ann(db: None) -> User:
    return create_user(email="ann@example.com", password=PASSWORD, staff=True)


def signed_in(email: str = "ann@example.com") -> Client:
    """Signed in to the admin with the password."""
    client = Client()
    answer = client.post("/admin/login/", {"username": email, "password": PASSWORD})
    assert answer.status_code == 302
    return client


def code_of(user: User, *, steps: int = 0) -> str:
    """The code that the app shows this many 30 s steps from now."""
    device = TOTPDevice.objects.get(user=user)
    totp = TOTP(device.bin_key, device.step, device.t0, device.digits)
    totp.time = time.time() + steps * device.step
    return f"{totp.token():06d}"


def set_up(user: User) -> tuple[Client, list[str]]:
    """A client whose session has passed the code, and the recovery codes."""
    client = signed_in(user.email)
    client.get(PAGE)
    # the code of the last step, so that the test can sign in with the next one
    page = client.post(PAGE, {"code": code_of(user, steps=-1)}).content.decode()
    codes = re.findall(r"<li>([a-z2-7]{8})</li>", page)
    assert len(codes) == 10
    return client, codes


def test_password_is_enough_until_it_is_set_up(ann: User) -> None:
    client = signed_in()

    assert client.get(OFFICE).status_code == 200
    assert "data:image/svg+xml" in client.get(PAGE).content.decode()


def test_code_is_asked_for_once_it_is_set_up(ann: User) -> None:
    at_setup, _ = set_up(ann)
    client = signed_in()

    before = client.get("/admin/accounts/user/?q=x")
    code = code_of(ann)
    entered = client.post(CODE, {"code": f"{code[:3]} {code[3:]}", "next": "/admin/accounts/user/?q=x"})

    assert at_setup.get(OFFICE).status_code == 200
    assert (before.status_code, before["Location"]) == (302, f"{CODE}?next=%2Fadmin%2Faccounts%2Fuser%2F%3Fq%3Dx")
    assert (entered.status_code, entered["Location"]) == (302, "/admin/accounts/user/?q=x")
    assert client.get(OFFICE).status_code == 200


@pytest.mark.parametrize("path", [OFFICE, "/admin/rq/", "/admin/accounts/user/", "/admin/search/", "/admin/nothing"])
def test_nothing_opens_without_the_code(ann: User, path: str) -> None:
    set_up(ann)

    answer = signed_in().get(path)

    assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, CODE)


def test_setup_cannot_be_reached_around_the_code(ann: User) -> None:
    set_up(ann)
    client = signed_in()

    answer = client.post(PAGE, {"code": code_of(ann), "action": "turn-off"})

    assert (answer.status_code, answer["Location"]) == (302, CODE)
    assert second_factor.is_set_up(user=ann)


def test_code_works_once(ann: User) -> None:
    set_up(ann)
    code = code_of(ann)
    first = signed_in().post(CODE, {"code": code})

    second = signed_in().post(CODE, {"code": code})

    assert (first.status_code, second.status_code) == (302, 200)
    assert WRONG in second.content.decode()


def test_wrong_codes_have_to_wait(ann: User) -> None:
    set_up(ann)
    client = signed_in()

    wrong = client.post(CODE, {"code": "000000" if code_of(ann) != "000000" else "000001"})
    right_too_soon = client.post(CODE, {"code": code_of(ann)})

    assert WRONG in wrong.content.decode()
    assert "Too many wrong codes. Wait 1 s and try again." in right_too_soon.content.decode()
    assert client.get(OFFICE).status_code == 302


def test_recovery_code_works_once(ann: User) -> None:
    _, codes = set_up(ann)
    client = signed_in()

    entered = client.post(CODE, {"code": codes[3].upper()})
    again = signed_in().post(CODE, {"code": codes[3]})

    assert (entered.status_code, client.get(OFFICE).status_code) == (302, 200)
    assert WRONG in again.content.decode()
    assert StaticToken.objects.count() == 9


def test_new_recovery_codes_replace_the_old_ones(ann: User) -> None:
    client, codes = set_up(ann)

    page = client.post(PAGE, {"code": code_of(ann), "action": "renew"}).content.decode()

    fresh = re.findall(r"<li>([a-z2-7]{8})</li>", page)
    assert (len(fresh), set(fresh) & set(codes)) == (10, set())
    assert set(StaticToken.objects.values_list("token", flat=True)) == set(fresh)


def test_turned_off_with_a_code(ann: User) -> None:
    client, _ = set_up(ann)

    refused = client.post(PAGE, {"code": "nonsense", "action": "turn-off"})
    assert (WRONG in refused.content.decode(), second_factor.is_set_up(user=ann)) == (True, True)
    time.sleep(1.05)  # the cost of a wrong code
    done = client.post(PAGE, {"code": code_of(ann), "action": "turn-off"})

    assert (done.status_code, second_factor.is_set_up(user=ann)) == (302, False)
    assert StaticToken.objects.count() == 0
    assert signed_in().get(OFFICE).status_code == 200


def test_wrong_code_sets_nothing_up(ann: User) -> None:
    client = signed_in()
    secret = re.search(r'id="secret">([^<]+)<', client.get(PAGE).content.decode())

    page = client.post(PAGE, {"code": "12345"}).content.decode()

    assert WRONG in page
    assert secret
    assert secret[1] in page  # a reload keeps the key that the app has scanned
    assert not second_factor.is_set_up(user=ann)


def test_required_for_everybody(ann: User, settings: Any) -> None:
    settings.REQUIRE_STAFF_OTP = True
    client = signed_in()

    before = client.get(OFFICE)
    client.get(PAGE)
    client.post(PAGE, {"code": code_of(ann, steps=-1)})
    refused = client.post(PAGE, {"code": code_of(ann), "action": "turn-off"})

    assert (before.status_code, before["Location"]) == (302, f"{PAGE}?next=%2Fadmin%2F")
    assert client.get(OFFICE).status_code == 200
    assert "This server requires two-step sign-in." in refused.content.decode()
    assert second_factor.is_set_up(user=ann)


def test_admin_resets_the_factor_of_another_user(ann: User) -> None:
    bob = create_user(email="bob@example.com", password=PASSWORD, staff=True)
    set_up(bob)
    office = signed_in()
    device = TOTPDevice.objects.get(user=bob)
    listed = office.get("/admin/otp_totp/totpdevice/").content.decode()
    shown = office.get(f"/admin/otp_totp/totpdevice/{device.pk}/change/").content.decode()

    office.post(f"/admin/otp_totp/totpdevice/{device.pk}/delete/", {"post": "yes"})

    assert "bob@example.com" in listed
    assert device.key not in shown
    assert (second_factor.is_set_up(user=bob), StaticToken.objects.count()) == (False, 0)
    assert signed_in("bob@example.com").get(OFFICE).status_code == 200


def test_anothers_factor_opens_nothing(ann: User) -> None:
    """A verified session whose user then signed in as another one."""
    bob = create_user(email="bob@example.com", password=PASSWORD, staff=True)
    set_up(ann)
    client, _ = set_up(bob)
    stolen = client.session["otp_device_id"]
    other = signed_in()
    session = other.session
    session["otp_device_id"] = stolen
    session.save()

    assert other.get(OFFICE).status_code == 302


@pytest.mark.parametrize("url", [PAGE, CODE])
def test_strangers_are_redirected_to_the_sign_in(db: None, url: str) -> None:
    answer = Client().get(url)

    assert (answer.status_code, answer["Location"]) == (302, "/admin/login/")


def test_next_url_stays_on_this_host(ann: User) -> None:
    set_up(ann)

    answer = signed_in().post(CODE, {"code": code_of(ann), "next": "https://evil.example/admin/"})

    assert answer["Location"] == "/admin/"


@pytest.mark.parametrize("change", [{"is_active": False}, {"is_staff": False}])
def test_session_ends_with_the_right_to_it(ann: User, change: dict[str, bool]) -> None:
    client, _ = set_up(ann)
    User.objects.filter(pk=ann.pk).update(**change)

    answer = client.get(OFFICE)

    assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/admin/login/")


def test_changed_password_ends_other_sessions(ann: User) -> None:
    client, _ = set_up(ann)
    ann.set_password("another-violet-43")
    ann.save(update_fields=["password"])

    assert client.get(OFFICE)["Location"].startswith("/admin/login/")
