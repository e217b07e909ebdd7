"""The ledger in the back office: searches, filters and exports."""

import csv
import io
import tracemalloc
import uuid
from datetime import UTC, datetime
from typing import Any

import openpyxl
import pytest
from django.test import Client
from django.utils import timezone

from accounts import ledger
from accounts.backoffice import exports
from accounts.models import LedgerEntry, User
from tests.conftest import MakeUser

LIST = "/admin/accounts/ledgerentry/"
JOB = uuid.UUID("0b0e5f3e-0000-4000-8000-000000000001")

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss(make_user: MakeUser) -> User:
    return make_user("boss@example.com", tokens=0, staff=True)


@pytest.fixture
def office(client: Client, boss: User) -> Client:
    client.force_login(boss)
    return client


def table(office: Client, **query: str) -> list[list[str]]:
    """The CSV without its header."""
    answer = office.get(f"{LIST}export.csv", query)
    assert answer.status_code == 200
    text = b"".join(answer.streaming_content).decode()  # type: ignore[arg-type]
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))[1:]


def amounts(office: Client, **query: str) -> list[int]:
    return [int(row[3]) for row in table(office, **query)]


@pytest.fixture
def ann(make_user: MakeUser, boss: User) -> User:
    """With a sign-up of 10, a grant of 5 by the boss, and a charge of 3."""
    user = make_user(tokens=10)
    ledger.grant(user=user, tokens=5, note="gift", actor=boss)
    account = user.token_account
    LedgerEntry.objects.create(account=account, kind="charge", amount=-3, balance_after=12, video_job_id=JOB)
    return user


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, [-3, 5, 10, 7]),
        ({"q": "ann@"}, [-3, 5, 10]),
        ({"q": " BOB"}, [7]),
        ({"q": str(JOB)}, [-3]),
        ({"q": str(JOB).upper().replace("-", "")}, [-3]),
        ({"q": "nn@example"}, []),
        ({"kind__exact": "grant"}, [5]),
        ({"created_at_from": "2020-01-01", "created_at_to": "2020-12-31"}, []),
        ({"created_at_from": "yesterday"}, [-3, 5, 10, 7]),
        ({"actor": "nobody"}, [-3, 5, 10, 7]),
    ],
)
def test_list_and_export_have_the_same_filters(
    office: Client, make_user: MakeUser, ann: User, query: dict[str, str], found: list[int]
) -> None:
    make_user("bob@example.com", tokens=7)
    page = office.get(LIST, query)

    assert page.status_code == 200
    assert sorted(row.amount for row in page.context["cl"].result_list) == sorted(found)
    assert sorted(amounts(office, **query)) == sorted(found)


def test_entries_of_today_and_of_one_member_of_staff(office: Client, ann: User, boss: User) -> None:
    today = f"{timezone.localdate():%Y-%m-%d}"

    assert amounts(office, created_at_from=today, created_at_to=today, q="ann") == [-3, 5, 10]
    assert amounts(office, actor=str(boss.pk)) == [5]


def test_export_has_everything_of_an_entry(office: Client, ann: User) -> None:
    charge, grant, _ = LedgerEntry.objects.filter(account__user=ann).order_by("-created_at")

    rows = table(office, q="ann")

    assert rows[0][1:] == ["ann@example.com", "charge", "-3", "12", str(JOB), "", "", str(charge.pk)]
    assert rows[1][1:] == ["ann@example.com", "grant", "5", "15", "", "gift", "boss@example.com", str(grant.pk)]
    assert datetime.strptime(rows[1][0], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC) == grant.created_at


def test_xlsx_has_numbers_and_times(office: Client, ann: User) -> None:
    answer = office.get(f"{LIST}export.xlsx", {"q": "ann"})

    rows = sheet_of(answer)
    assert rows[0] == tuple(exports.COLUMNS)
    assert rows[2][1:8] == ("ann@example.com", "grant", 5, 15, None, "gift", "boss@example.com")
    assert isinstance(rows[2][0], datetime)
    assert answer["Content-Disposition"].endswith('.xlsx"')


def sheet_of(answer: Any) -> list[tuple[Any, ...]]:
    book = openpyxl.load_workbook(io.BytesIO(b"".join(answer.streaming_content)), read_only=True)
    return list(book.active.iter_rows(values_only=True))


@pytest.mark.parametrize(
    ("note", "shown"),
    [
        ("=1+1", "'=1+1"),
        ("+49 30", "'+49 30"),
        ("-refund", "'-refund"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        (" =1", "' =1"),
        ("＝1", "'＝1"),  # noqa: RUF001
        ("'=1", "'=1"),
        ('a,"b"\nc', 'a,"b"\nc'),
        ("2 - 1", "2 - 1"),
    ],
)
def test_text_is_no_formula(office: Client, ann: User, boss: User, note: str, shown: str) -> None:
    ledger.adjust(user=ann, tokens=-2, note=note, actor=boss)

    row = table(office, kind__exact="adjustment")[0]
    cells = sheet_of(office.get(f"{LIST}export.xlsx", {"kind__exact": "adjustment"}))[1]

    assert (row[3], row[6]) == ("-2", shown)
    assert (cells[3], cells[6]) == (-2, shown.replace("\r", "\n"))  # XML normalises line ends


def test_control_characters_do_not_break_the_xlsx(office: Client, ann: User) -> None:
    ledger.adjust(user=ann, tokens=1, note="a\x01b\x0bc")

    assert sheet_of(office.get(f"{LIST}export.xlsx", {"q": "ann"}))[1][6] == "abc"


def test_xlsx_of_too_many_rows_is_refused_with_a_way_out(
    office: Client, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "XLSX_MAX", 2)

    page = office.get(f"{LIST}export.xlsx", {"q": "ann"}, follow=True)

    assert "3 entries are too many for an XLSX, which takes up to 2." in page.content.decode()
    assert page.request["QUERY_STRING"] == "q=ann"


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_export_needs_the_permission(client: Client, make_user: MakeUser, kind: str) -> None:
    ann = make_user()
    User.objects.filter(pk=ann.pk).update(is_staff=True)
    client.force_login(ann)

    assert client.get(f"{LIST}export.{kind}").status_code == 403


MANY = 5 * exports.CHUNK


@pytest.mark.slow
@pytest.mark.once  # the same code on either; 100,000 rows: benchmarks.parts.back_office
def test_long_export_takes_little_memory(office: Client, ann: User) -> None:
    rows = (LedgerEntry(account=ann.token_account, kind="grant", amount=i, balance_after=i) for i in range(MANY))
    LedgerEntry.objects.bulk_create(rows, batch_size=1000)
    office.get(LIST, {"kind__exact": "refund"})  # imports of a process's first request are not the export's

    tracemalloc.start()
    answer = office.get(f"{LIST}export.csv", {"kind__exact": "grant"})
    sizes = [line.count(b",grant,") for line in answer.streaming_content]  # type: ignore[union-attr]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert sum(sizes) == MANY + 1
    assert peak < 6_000_000  # bytes; all of the rows are 15 million
