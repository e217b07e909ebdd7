from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import LedgerEntry, TokenAccount, User

ACCOUNTS = "/admin/accounts"

pytestmark = pytest.mark.django_db


@pytest.fixture
def office(client: Client, make_user: Callable[..., User]) -> Client:
    client.force_login(make_user("sue@example.com", tokens=0, staff=True))
    return client


def form(**change: str) -> dict[str, str]:
    return {"email": "Bob@Example.com", "password1": "lorry-violet-42", "password2": "lorry-violet-42", **change}


def test_users_are_listed_with_their_balance(office: Client, make_user: Callable[..., User]) -> None:
    make_user(tokens=1234)
    TokenAccount.objects.filter(user=make_user("bob@example.com")).update(unlimited=True)

    everybody = office.get(f"{ACCOUNTS}/user/").content.decode()
    found = office.get(f"{ACCOUNTS}/user/", {"q": "ann@"}).content.decode()

    assert [text in everybody for text in ("ann@example.com", "1,234", "bob@example.com", "unlimited")] == [True] * 4
    assert [text in found for text in ("ann@example.com", "1,234", "bob@example.com")] == [True, True, False]


def test_user_added_by_hand_can_sign_in_and_spend(office: Client) -> None:
    answer = office.post(f"{ACCOUNTS}/user/add/", form())

    user = User.objects.get(email="bob@example.com")
    assert (answer.status_code, answer["Location"]) == (302, f"{ACCOUNTS}/user/{user.pk}/change/")
    assert user.check_password("lorry-violet-42")
    assert (user.is_staff, user.token_account.balance) == (False, 100)
    assert list(user.token_account.entries.values_list("kind", "amount")) == [("signup", 100)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"email": "SUE@example.com"}, "User with this Email already exists."),
        ({"password2": "another-violet-43"}, "The two password fields didn"),
        ({"password1": "password1", "password2": "password1"}, "This password is too common."),
    ],
)
def test_refused_user_is_not_added(office: Client, change: dict[str, str], message: str) -> None:
    answer = office.post(f"{ACCOUNTS}/user/add/", form(**change))

    assert (answer.status_code, message in answer.content.decode()) == (200, True)
    assert (User.objects.count(), TokenAccount.objects.count()) == (1, 1)


def test_address_is_corrected_and_the_account_stays(office: Client, make_user: Callable[..., User]) -> None:
    user = make_user(tokens=5)
    url = f"{ACCOUNTS}/user/{user.pk}/change/"

    page = office.get(url).content.decode()
    answer = office.post(url, {"email": "Anna@Example.com", "role": ""})

    user.refresh_from_db()
    assert (answer.status_code, user.is_active, user.email) == (302, True, "anna@example.com")
    assert user.password not in page
    assert (TokenAccount.objects.get(user=user).balance, LedgerEntry.objects.count()) == (5, 1)


def test_users_cannot_be_deleted(office: Client, make_user: Callable[..., User]) -> None:
    user = make_user()

    answer = office.post(f"{ACCOUNTS}/user/{user.pk}/delete/", {"post": "yes"})

    assert (answer.status_code, User.objects.filter(pk=user.pk).exists()) == (403, True)


@pytest.mark.parametrize("kind", ["tokenaccount", "ledgerentry"])
def test_tokens_are_read_only(office: Client, make_user: Callable[..., User], kind: str) -> None:
    account = make_user(tokens=1234).token_account
    pk = account.pk if kind == "tokenaccount" else LedgerEntry.objects.get().pk
    pages = f"{ACCOUNTS}/{kind}"

    shown = [office.get(url) for url in (f"{pages}/", f"{pages}/?q=ann@", f"{pages}/{pk}/change/")]
    refused = [
        office.post(url, {"post": "yes"}) for url in (f"{pages}/add/", f"{pages}/{pk}/change/", f"{pages}/{pk}/delete/")
    ]

    assert [(page.status_code, "1234" in page.content.decode()) for page in shown] == [(200, True)] * 3
    assert [answer.status_code for answer in refused] == [403] * 3
    account.refresh_from_db()
    assert (account.balance, LedgerEntry.objects.count()) == (1234, 1)


@pytest.mark.parametrize("kind", ["outstandingtoken", "blacklistedtoken"])
def test_refresh_tokens_are_not_on_show(office: Client, kind: str) -> None:
    assert office.get(f"/admin/token_blacklist/{kind}/").status_code == 404
