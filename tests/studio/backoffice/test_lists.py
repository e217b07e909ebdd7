"""Every registered list of the back office: few statements, the same for any number of rows."""

import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from auditlog.models import LogEntry
from axes.models import AccessAttempt
from django.contrib import admin
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.text import capfirst
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts import roles
from accounts.models import AccountTask, ApiKey, LedgerEntry, Session, SignIn, TokenAccount, User
from accounts.registration import create_user
from accounts.roles import Role
from looks.models import Look, LookVideo
from studio import urls
from studio.backoffice import navigation
from videos.models import VideoJob, VideoModel, WebhookDelivery, WebhookEndpoint
from videos.phases import Phase
from videos.webhooks import endpoints

MOST = 12  # statements; session and user are two of them
assert urls.urlpatterns  # with them come the pages
REGISTERED = [model for model in admin.site._registry if model._meta.managed]

pytestmark = pytest.mark.django_db


def user(number: int) -> User:
    user = User.objects.filter(email=f"p{number}@example.com").first()
    return user or create_user(email=f"p{number}@example.com", password="x", tokens=5, role=Role.SUPPORT)


def job(number: int) -> VideoJob:
    return VideoJob.objects.create(
        owner=user(number), duration_seconds=8, phase=Phase.FAILED, completed_at=datetime.now(UTC), error_code="x"
    )


def look(number: int) -> Look:
    made = Look.objects.create(owner=user(number), title=f"Look {number}")
    LookVideo.objects.create(look=made, video=job(number))
    return made


def webhook(number: int) -> WebhookEndpoint:
    url = "https://hooks.example.com/"
    return endpoints.create(owner=user(number), url=url, kinds=["job.updated"], origin="https://studio.example.com")


# A new list needs a row here, or the test of it fails.
MAKE: dict[type[Any], Callable[[int], Any]] = {
    Group: lambda number: Group.objects.create(name=f"group {number}"),
    User: user,
    TokenAccount: lambda number: user(number).token_account,
    LedgerEntry: lambda number: LedgerEntry.objects.create(
        account=user(number).token_account, kind="grant", amount=1, balance_after=6, actor=user(number)
    ),
    Session: lambda number: Session.objects.create(
        user=user(number), refresh_id=uuid.uuid4(), refreshed_at=datetime.now(UTC), expires_at=datetime.now(UTC)
    ),
    SignIn: lambda number: SignIn.objects.create(user=user(number), channel="api", succeeded=True),
    ApiKey: lambda number: ApiKey.objects.create(user=user(number), name=f"key {number}", digest=f"{number}"),
    AccountTask: lambda number: AccountTask.objects.create(
        kind="verify_email", user=user(number), due_at=datetime.now(UTC)
    ),
    WebhookEndpoint: webhook,
    WebhookDelivery: lambda number: WebhookDelivery.objects.create(
        endpoint=webhook(number), kind="webhook.test", body="{}", due_at=datetime.now(UTC)
    ),
    Look: look,
    VideoJob: job,
    VideoModel: lambda number: VideoModel.objects.create(name=f"model-{number}", title="x"),
    AccessAttempt: lambda number: AccessAttempt.objects.create(
        username=f"{number}", ip_address="192.0.2.1", failures_since_start=1
    ),
    TOTPDevice: lambda number: TOTPDevice.objects.create(user=user(number), name="phone"),
    LogEntry: lambda number: LogEntry.objects.create(
        content_type=ContentType.objects.get_for_model(User),
        object_pk=str(user(number).pk),
        object_repr="x",
        action=1,
        changes={"email": ["a", "b"]},
        actor=user(number),
    ),
}


@pytest.fixture
def office(client: Client) -> Client:
    client.force_login(create_user(email="boss@example.com", password="x", staff=True))
    return client


def list_of(model: type[Any]) -> str:
    return f"/admin/{model._meta.app_label}/{model._meta.model_name}/"


def statements(office: Client, url: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert office.get(url).status_code == 200
        return len(captured)


@pytest.mark.parametrize("model", REGISTERED, ids=lambda model: model._meta.label)
def test_list_sends_few_statements_for_any_number_of_rows(office: Client, model: type[Any]) -> None:
    MAKE[model](1)
    office.get(list_of(model))  # read once a process

    one = statements(office, list_of(model))
    for number in (2, 3):
        MAKE[model](number)
    three = statements(office, list_of(model))

    assert one == three <= MOST


def test_menu_and_pages_have_the_same_names(office: Client) -> None:
    lines = {
        str(item["link"]): item["title"] for section in navigation.SIDEBAR["navigation"] for item in section["items"]
    }
    titles, trails = {}, {}
    for model in REGISTERED:
        page = office.get(list_of(model))
        titles[list_of(model)] = page.context["title"]
        trails[list_of(model)] = capfirst(model._meta.verbose_name_plural)

    assert {url: lines[url] for url in titles} == titles == trails


@pytest.mark.parametrize("query", ["q=p1", "q=0b0e5f3e-0000-4000-8000-000000000001", "o=1.-2", "p=2"])
@pytest.mark.parametrize("model", REGISTERED, ids=lambda model: model._meta.label)
def test_list_takes_whatever_it_is_asked(office: Client, model: type[Any], query: str) -> None:
    MAKE[model](1)

    assert office.get(f"{list_of(model)}?{query}").status_code in {200, 302}  # 302: no page has this number


@pytest.mark.parametrize("role", [Role.SUPPORT, Role.OPERATOR, Role.ADMIN])
def test_every_page_opens_for_every_role_or_is_refused(client: Client, role: Role) -> None:
    sue = create_user(email="sue@example.com", password="x", role=role)
    client.force_login(sue)
    answers = {}
    for model in REGISTERED:
        row = MAKE[model](1)
        urls = (list_of(model), f"{list_of(model)}{row.pk}/change/")
        answers[model._meta.label] = [client.get(url).status_code for url in urls]

    seen = {label for label, codes in answers.items() if codes == [200, 200]}
    assert all(codes in ([200, 200], [403, 403]) for codes in answers.values()), answers
    ours = {model._meta.label for model in REGISTERED if model._meta.app_label in {"accounts", "looks", "videos"}}
    assert seen >= ours
    assert ("auditlog.LogEntry" in seen) == (role == Role.ADMIN)
    assert roles.role_of(sue) == role


@pytest.mark.parametrize("model", REGISTERED, ids=lambda model: model._meta.label)
def test_page_says_once_which_zone_its_times_are_in(office: Client, model: type[Any]) -> None:
    row = MAKE[model](1)

    for url in (list_of(model), f"{list_of(model)}{row.pk}/change/"):
        page = office.get(url).content.decode()

        assert page.count("UTC") == 1, url
        assert re.search(r"\d [ap]\.m\.", page) is None, url


def test_times_have_seconds_in_24_hours(office: Client) -> None:
    row = user(1)
    User.objects.filter(pk=row.pk).update(last_login=datetime(2026, 11, 27, 17, 5, 9, tzinfo=UTC))

    listed = office.get(list_of(User)).content.decode()
    shown = office.get(f"{list_of(User)}{row.pk}/change/").content.decode()

    assert ("2026-11-27 17:05:09" in listed, "2026-11-27 17:05:09" in shown) == (True, True)


@pytest.mark.parametrize("model", REGISTERED, ids=lambda model: model._meta.label)
def test_titles_and_breadcrumbs_are_readable(office: Client, model: type[Any]) -> None:
    row = MAKE[model](1)
    url = f"{list_of(model)}{row.pk}/change/"

    page = office.get(url).content.decode()

    title, trail = page.partition("</title>")[0], page.partition("<h1")[2].partition("</h1>")[0].replace(url, "")
    assert (str(row.pk) in title, str(row.pk) in trail) == (False, False) or not isinstance(row.pk, uuid.UUID)
    assert str(row)[:20] in trail


def test_harmless_no_is_no_red_cross(office: Client) -> None:
    TokenAccount.objects.filter(pk=user(1).token_account.pk).update(unlimited=False)

    page = office.get(list_of(TokenAccount)).content.decode()

    assert ('title="No"' in page, "close_small" in page) == (True, False)
