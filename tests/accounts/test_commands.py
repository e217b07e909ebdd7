import io
import json
from collections.abc import Callable

import pytest
from django.core.management import CommandError, call_command

from accounts.models import LedgerEntry, TokenAccount, User

MakeUser = Callable[..., User]

pytestmark = pytest.mark.django_db


def run(name: str, *args: str) -> str:
    out = io.StringIO()
    call_command(name, *args, stdout=out)
    return out.getvalue()


def balances() -> dict[str, int]:
    return dict(TokenAccount.objects.values_list("user__email", "balance"))


# -- grant_tokens


def test_grant(make_user: MakeUser) -> None:
    make_user(tokens=10)
    make_user("bob@example.com", tokens=10)

    said = run("grant_tokens", "Ann@Example.com", "500", "--note", "invoice 7")

    entry = LedgerEntry.objects.get(kind="grant")
    assert said == "Granted 500 tokens; the balance is 510 now.\n"
    assert (entry.amount, entry.balance_after, entry.note, entry.actor) == (500, 510, "invoice 7", None)
    assert balances() == {"ann@example.com": 510, "bob@example.com": 10}


def test_grant_in_json(make_user: MakeUser) -> None:
    make_user(tokens=10)

    said = json.loads(run("grant_tokens", "ann@example.com", "5", "--note", "a gift", "--json"))

    assert said == {"entryId": str(LedgerEntry.objects.get(kind="grant").pk), "amount": 5, "balance": 15}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("bob@example.com", "5", "--note", "x"), "No user has the e-mail address 'bob@example.com'."),
        (("ann@example.com", "0", "--note", "x"), "A grant is a whole number of tokens from 1 to 1,000,000,000."),
        (("ann@example.com", "-5", "--note", "x"), "A grant is a whole number of tokens from 1 to 1,000,000,000."),
        (("ann@example.com", "five", "--note", "x"), "Error: argument AMOUNT: invalid int value: 'five'"),
        (("ann@example.com", "5"), "Error: the following arguments are required: --note"),
        (("ann@example.com", "5", "--note", " "), "--note must give the reason, in 1 to 500 characters."),
        (("ann@example.com", "5", "--note", "x" * 501), "--note must give the reason, in 1 to 500 characters."),
    ],
)
def test_refused_grant_changes_nothing(make_user: MakeUser, args: tuple[str, ...], message: str) -> None:
    make_user(tokens=10)

    with pytest.raises(CommandError) as raised:
        run("grant_tokens", *args)
    assert (str(raised.value), balances()) == (message, {"ann@example.com": 10})


# -- create_api_user


def test_user_with_a_generated_password() -> None:
    said = run("create_api_user", "Ann@Example.com").splitlines()

    user = User.objects.get()
    assert said[0] == "ann@example.com was created, with 100 tokens."
    assert user.check_password(said[1].removeprefix("Password: "))
    assert (user.is_staff, user.is_superuser) == (False, False)
    assert balances() == {"ann@example.com": 100}


def test_staff_user_in_json() -> None:
    said = json.loads(run("create_api_user", "ann@example.com", "--staff", "--tokens", "0", "--json"))

    user = User.objects.get()
    assert user.check_password(said.pop("password"))
    answer = {"id": str(user.pk), "email": "ann@example.com", "isStaff": True, "balance": 0}
    assert said == answer | {"role": "admin", "created": True}
    assert (user.is_staff, user.is_superuser, balances()) == (True, True, {"ann@example.com": 0})


def test_password_from_stdin_is_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(" lorry violet \nanother line\n"))

    said = run("create_api_user", "ann@example.com", "--password-stdin", "--tokens", "7")

    assert said == "ann@example.com was created, with 7 tokens.\n"
    assert User.objects.get().check_password(" lorry violet ")


def test_existing_user_is_left_alone(make_user: MakeUser) -> None:
    user = make_user(tokens=10)
    args = ("create_api_user", "ANN@example.com", "--if-missing", "--staff", "--tokens", "99")

    said, in_json = run(*args), json.loads(run(*args, "--json"))

    assert said == "ann@example.com exists already, with 10 tokens.\n"
    assert in_json == {
        "id": str(user.pk),
        "email": "ann@example.com",
        "isStaff": False,
        "balance": 10,
        "role": None,
        "created": False,
        "password": None,
    }
    assert list(User.objects.values_list("password", "is_staff")) == [(user.password, False)]
    assert balances() == {"ann@example.com": 10}


@pytest.mark.parametrize(
    ("args", "stdin", "message"),
    [
        (
            ("ann@example.com",),
            "",
            "An account with this e-mail address already exists. With --if-missing that is not an error.",
        ),
        (("bob",), "", "email: Enter a valid email address."),
        ((f"{'b' * 250}@example.com",), "", "email: Ensure this value has at most 254 characters (it has 262)."),
        (("bob@example.com", "--tokens", "-1"), "", "--tokens is -1; it should be from 0 to 1,000,000,000."),
        (
            ("bob@example.com", "--tokens", "1000000001"),
            "",
            "--tokens is 1000000001; it should be from 0 to 1,000,000,000.",
        ),
        (("bob@example.com", "--password-stdin"), "password1\n", "password: This password is too common."),
        (
            ("bob@example.com", "--password-stdin"),
            "",
            "password: This password is too short. It must contain at least 8 characters.",
        ),
    ],
)
def test_refused_user_changes_nothing(
    make_user: MakeUser, monkeypatch: pytest.MonkeyPatch, args: tuple[str, ...], stdin: str, message: str
) -> None:
    make_user(tokens=10)
    monkeypatch.setattr("sys.stdin", io.StringIO(stdin))

    with pytest.raises(CommandError) as raised:
        run("create_api_user", *args)
    assert (str(raised.value), balances()) == (message, {"ann@example.com": 10})


# -- createsuperuser, Django's own


def test_superuser_has_an_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "lorry-violet-42")

    run("createsuperuser", "--noinput", "--email", "Ann@Example.com")

    user = User.objects.get()
    assert (user.email, user.is_staff, user.is_superuser) == ("ann@example.com", True, True)
    assert user.check_password("lorry-violet-42")
    assert user.email_verified_at is not None
    assert balances() == {"ann@example.com": 0}


@pytest.mark.parametrize(
    ("role", "flags"), [("support", (True, False)), ("operator", (True, False)), ("admin", (True, True))]
)
def test_account_with_a_role(role: str, flags: tuple[bool, bool]) -> None:
    run("create_api_user", "ann@example.com", "--role", role)

    user = User.objects.get()
    assert (user.is_staff, user.is_superuser) == flags
    assert user.email_verified_at is not None
    assert list(user.groups.values_list("name", flat=True)) == [role]


def test_staff_with_a_smaller_role_is_refused() -> None:
    with pytest.raises(CommandError, match="same as --role admin"):
        run("create_api_user", "ann@example.com", "--staff", "--role", "support")
    assert not User.objects.exists()
