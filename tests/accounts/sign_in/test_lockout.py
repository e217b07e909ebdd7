from datetime import timedelta
from typing import Any

import pytest
from auditlog.models import LogEntry
from axes.models import AccessAttempt
from django.contrib.auth.hashers import MD5PasswordHasher
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import User
from accounts.registration import create_user
from accounts.sign_in import lockout
from accounts.sign_in.client_ip import network_of

BLOCKED = "/admin/axes/accessattempt/"
SIGN_IN, DOOR = "/api/v1/auth/token", "/admin/login/"
PASSWORD = "lorry-violet-42"
LOCKED = {"detail": "Too many failed attempts to sign in. Please try again later.", "code": "locked_out"}
OTHER_IP = "10.0.0.9"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _low_limits(settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT, settings.SIGN_IN_ADDRESS_FAILURES = 3, 6


@pytest.fixture
def ann(db: None) -> User:
    return create_user(email="ann@example.com", password=PASSWORD, staff=True)


def try_api(password: str, email: str = "ann@example.com", *, address: str = "127.0.0.1") -> Any:
    return APIClient(REMOTE_ADDR=address).post(SIGN_IN, {"email": email, "password": password})


def try_door(password: str, email: str = "ann@example.com", *, address: str = "127.0.0.1") -> Any:
    return Client(REMOTE_ADDR=address).post(DOOR, {"username": email, "password": password})


def age_attempts(minutes: int) -> None:
    for attempt in AccessAttempt.objects.all():
        before = attempt.attempt_time - timedelta(minutes=minutes)
        AccessAttempt.objects.filter(pk=attempt.pk).update(attempt_time=before)


def test_right_password_is_refused_after_too_many_wrong_ones(ann: User) -> None:
    wrong = [try_api("wrong").status_code for _ in range(3)]

    refused = try_api(PASSWORD)

    assert wrong == [401, 401, 429]
    assert (refused.status_code, refused.json()) == (429, LOCKED)
    assert 890 < int(refused["Retry-After"]) <= 901


def test_api_and_admin_share_one_count(ann: User) -> None:
    try_api("wrong")
    try_door("wrong", " Ann@EXAMPLE.com ")
    try_api("wrong", "ANN@example.com")

    page = try_door(PASSWORD)

    assert (page.status_code, "_auth_user_id" in page.client.session) == (200, False)
    assert "Too many failed attempts. Try again in 15 minutes" in page.content.decode()
    assert try_api(PASSWORD).json() == LOCKED


def test_failures_from_another_ip_do_not_lock_out_the_owner(ann: User) -> None:
    for _ in range(4):
        try_api("wrong", address=OTHER_IP)

    assert try_api(PASSWORD).status_code == 200
    assert try_door(PASSWORD).status_code == 302
    assert try_api(PASSWORD, address=OTHER_IP).status_code == 429


def test_lock_ends_and_attempts_meanwhile_do_not_prolong_it(ann: User) -> None:
    for _ in range(3):
        try_api("wrong")
    age_attempts(minutes=10)
    assert try_api("wrong").status_code == 429

    age_attempts(minutes=6)

    assert try_api(PASSWORD).status_code == 200


def test_right_password_starts_a_new_count_at_this_address_only(ann: User) -> None:
    for _ in range(2):
        try_api("wrong")
        try_api("wrong", address=OTHER_IP)

    try_door(PASSWORD)

    assert list(AccessAttempt.objects.values_list("ip_address", "failures_since_start")) == [(OTHER_IP, 2)]
    try_api(PASSWORD, address=OTHER_IP)
    assert not AccessAttempt.objects.exists()


def test_address_that_tries_many_accounts_is_locked_for_all(ann: User) -> None:
    answers = [try_api("wrong", f"user{n}@example.com").status_code for n in range(6)]

    assert answers == [401] * 5 + [429]
    assert try_api(PASSWORD).status_code == 429
    assert try_api(PASSWORD, address=OTHER_IP).status_code == 200


def test_unknown_account_is_locked_like_any_other() -> None:
    assert [try_api("wrong", "nobody@example.com").status_code for _ in range(4)] == [401, 401, 429, 429]


def test_staff_open_a_lock_in_the_back_office(ann: User) -> None:
    create_user(email="bob@example.com", password=PASSWORD)
    for _ in range(3):
        try_api("wrong", "bob@example.com", address=OTHER_IP)
    office = Client()
    office.force_login(ann)
    row = AccessAttempt.objects.get()

    listed = office.get(BLOCKED).content.decode()
    shown = office.get(f"{BLOCKED}{row.pk}/change/").content.decode()
    asked = office.get(f"{BLOCKED}{row.pk}/unblock/").content.decode()
    done = office.post(f"{BLOCKED}{row.pk}/unblock/", {"confirmed": "yes"}, follow=True).content.decode()

    until = f"Blocked until {row.attempt_time + timedelta(minutes=15):%H:%M:%S}"
    assert [text in listed for text in ("bob@example.com", OTHER_IP, until)] == [True] * 3
    assert (until in shown, f"{BLOCKED}{row.pk}/unblock/" in shown) == (True, True)
    assert "bob@example.com can try to sign in again from 10.0.0.9 at once" in asked
    assert "Unblocked: bob@example.com from 10.0.0.9." in done
    assert [(entry.actor, entry.changes) for entry in LogEntry.objects.all()] == [
        (
            ann,
            {"action": ["", "Unblock"], "account": ["", "bob@example.com"], "client_ip": ["", OTHER_IP]},
        )
    ]
    assert try_api(PASSWORD, "bob@example.com", address=OTHER_IP).status_code == 200


def test_two_programs_of_one_ip_block_together_and_the_block_ends_with_the_older(ann: User) -> None:
    rows = []
    for agent, failures, minutes in (("curl", 2, 10), ("firefox", 1, 1)):
        row = AccessAttempt.objects.create(
            username=ann.email, ip_address=OTHER_IP, user_agent=agent, failures_since_start=failures
        )
        AccessAttempt.objects.filter(pk=row.pk).update(attempt_time=row.attempt_time - timedelta(minutes=minutes))
        rows.append(AccessAttempt.objects.get(pk=row.pk))

    ends = lockout.blocked_until(rows)
    below = lockout.blocked_until([AccessAttempt(pk=0, username="bob@example.com", ip_address=OTHER_IP)])

    assert ends == dict.fromkeys((row.pk for row in rows), rows[0].attempt_time + timedelta(minutes=15))
    assert below == {}


def test_ip_that_is_blocked_as_a_whole_is_unblocked_as_a_whole(ann: User) -> None:
    for number in range(6):
        try_api("wrong", f"user{number}@example.com", address=OTHER_IP)
    rows = list(AccessAttempt.objects.all())
    office = Client()
    office.force_login(ann)

    blocked = lockout.blocked_until(rows)
    chosen = {"action": "unblock_several", "_selected_action": [str(rows[0].pk)]}
    office.post(BLOCKED, chosen)
    asked_first = AccessAttempt.objects.count() == len(rows)
    office.post(BLOCKED, chosen | {"confirmed": "yes"})

    assert set(blocked) == {row.pk for row in rows}
    assert asked_first
    assert not AccessAttempt.objects.exists()
    assert try_api(PASSWORD, address=OTHER_IP).status_code == 200


def test_no_password_is_kept_with_the_attempt(ann: User) -> None:
    try_door("my-secret-guess")
    try_api("my-secret-guess")

    kept = str(list(AccessAttempt.objects.values()))

    assert "my-secret-guess" not in kept


class CountingHasher(MD5PasswordHasher):
    """Counts how often a password is hashed: the work that takes the time."""

    algorithm = "counting"
    count = 0

    def encode(self, password: str, salt: str) -> str:
        type(self).count += 1
        return super().encode(password, salt)


@pytest.mark.parametrize("door", [try_api, try_door])
@pytest.mark.parametrize("who", ["known", "unknown", "deactivated"])
def test_known_and_unknown_emails_take_the_same_work(settings: Any, door: Any, who: str) -> None:
    settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher"]
    ann = create_user(email="ann@example.com", password=PASSWORD)
    if who == "deactivated":
        User.objects.filter(pk=ann.pk).update(is_active=False)
    CountingHasher.count = 0

    door("wrong", "nobody@example.com" if who == "unknown" else "ann@example.com")

    assert CountingHasher.count == 1


@pytest.mark.parametrize(
    ("remote", "forwarded", "proxies", "expected"),
    [
        ("10.1.1.1", "", 0, "10.1.1.1"),
        ("10.1.1.1", "6.6.6.6", 0, "10.1.1.1"),
        ("10.1.1.1", "6.6.6.6, 7.7.7.7", 1, "7.7.7.7"),
        ("10.1.1.1", "6.6.6.6, 7.7.7.7", 2, "6.6.6.6"),
        ("10.1.1.1", "", 1, "10.1.1.1"),
        ("10.1.1.1", "nonsense", 1, None),
        ("2001:db8:1:2:3:4:5:6", "", 0, "2001:db8:1:2::"),
        ("::ffff:10.1.1.1", "", 0, "10.1.1.1"),
        ("", "", 0, None),
        ("10.1.1.1", "6.6.6.6, 7.7.7.7:51234", 1, "7.7.7.7"),
        ("10.1.1.1", "[2001:db8:1:2:3:4:5:6]:51234", 1, "2001:db8:1:2::"),
        ("10.1.1.1", "[2001:db8:1:2:3:4:5:6]", 1, "2001:db8:1:2::"),
        ("fe80::1%eth0", "", 0, "fe80::"),
        ("10.1.1.1", "7.7.7.7:x", 1, None),
    ],
)
def test_address(rf: Any, settings: Any, remote: str, forwarded: str, proxies: int, expected: str | None) -> None:
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"NUM_PROXIES": proxies}

    request = rf.get("/", REMOTE_ADDR=remote, HTTP_X_FORWARDED_FOR=forwarded)

    assert network_of(request) == expected
