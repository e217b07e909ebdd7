"""The back office of webhooks: support sees them, operators disable them and send messages again, without secrets."""

from typing import Any

import pytest
from auditlog.models import LogEntry
from django.test import Client

from accounts import roles
from accounts.models import User
from accounts.roles import Role
from tests.conftest import MakeUser
from videos.models import WebhookDelivery, WebhookEndpoint
from videos.webhooks import endpoints

ENDPOINTS, DELIVERIES = "/admin/videos/webhookendpoint", "/admin/videos/webhookdelivery"
ROLES = [(Role.SUPPORT, True, False), (Role.OPERATOR, True, True), (Role.ADMIN, True, True), (Role.NONE, False, False)]

pytestmark = pytest.mark.django_db


@pytest.fixture
def message(make_user: MakeUser, rq_hints: Any) -> WebhookDelivery:
    make_user("boss@example.com", staff=True)
    url = "https://hooks.example.com/path-marker?key=query-marker"
    endpoint = endpoints.create(owner=make_user(), url=url, kinds=["job.updated"], origin="http://testserver")
    endpoints.rotate_secret(endpoint=endpoint)
    made = endpoints.send_test(endpoint=endpoint)
    WebhookDelivery.objects.update(body="body-marker", state="failed", due_at=None, last_error="No response.")
    made.refresh_from_db()
    return made


def browser_of(role: Role, make_user: MakeUser) -> tuple[Client, User]:
    user, browser = make_user(f"{role.value}@example.com"), Client()
    roles.assign(user=user, role=role)
    browser.force_login(user)
    return browser, user


@pytest.mark.parametrize(("role", "may_see", "may_act"), ROLES)
def test_role_decides_who_sees_and_disables_webhooks(
    make_user: MakeUser, message: WebhookDelivery, role: Role, may_see: bool, may_act: bool
) -> None:
    browser, user = browser_of(role, make_user)
    page = f"{ENDPOINTS}/{message.endpoint_id}"

    seen = [browser.get(f"{ENDPOINTS}/").status_code == 200, browser.get(f"{page}/change/").status_code == 200]
    asked = browser.get(f"{page}/disable/").status_code == 200
    browser.post(f"{page}/disable/", {"confirmed": "yes"})

    message.endpoint.refresh_from_db()
    reason = message.endpoint.disabled_reason
    assert (seen, asked, reason) == ([may_see] * 2, may_act, "staff" if may_act else "")
    entries = LogEntry.objects.filter(object_pk=str(message.endpoint_id))
    assert [(one.actor, one.changes["action"][1]) for one in entries] == ([(user, "Disable")] if may_act else [])


@pytest.mark.parametrize(("role", "may_see", "may_act"), ROLES)
def test_role_decides_who_sends_messages_again(
    make_user: MakeUser, message: WebhookDelivery, role: Role, may_see: bool, may_act: bool, rq_hints: Any
) -> None:
    browser, user = browser_of(role, make_user)
    form = {"action": "send_again", "_selected_action": [str(message.pk)]}

    seen = browser.get(f"{DELIVERIES}/").status_code == 200
    browser.post(f"{DELIVERIES}/", form)
    browser.post(f"{DELIVERIES}/", form | {"confirmed": "yes"})

    message.refresh_from_db()
    assert (seen, message.state) == (may_see, "pending" if may_act else "failed")
    entries = LogEntry.objects.filter(object_pk=str(message.endpoint_id))
    assert [(one.actor, one.changes["action"][1]) for one in entries] == ([(user, "Send again")] if may_act else [])


def test_messages_of_a_disabled_webhook_stay(make_user: MakeUser, message: WebhookDelivery) -> None:
    endpoints.disable(endpoint_id=message.endpoint_id, reason=WebhookEndpoint.Reason.OWNER)
    browser, _ = browser_of(Role.OPERATOR, make_user)

    form = {"action": "send_again", "_selected_action": [str(message.pk)], "confirmed": "yes"}
    page = browser.post(f"{DELIVERIES}/", form, follow=True).content.decode()

    message.refresh_from_db()
    assert (message.state, LogEntry.objects.count()) == ("failed", 0)
    assert "1 are of disabled webhooks, and were left as they are." in page


def test_webhook_of_an_admin_is_left_to_admins(make_user: MakeUser, rq_hints: Any) -> None:
    boss = make_user("boss@example.com", staff=True)
    endpoint = endpoints.create(
        owner=boss, url="https://hooks.example.com/", kinds=["job.updated"], origin="http://testserver"
    )
    browser, _ = browser_of(Role.OPERATOR, make_user)

    refused = browser.post(f"{ENDPOINTS}/{endpoint.pk}/disable/", {"confirmed": "yes"})

    endpoint.refresh_from_db()
    assert (refused.status_code, endpoint.disabled_at) == (403, None)


def test_no_page_shows_secrets_urls_and_bodies(make_user: MakeUser, message: WebhookDelivery) -> None:
    browser, _ = browser_of(Role.ADMIN, make_user)
    endpoint = message.endpoint

    pages = [
        browser.get(url).content.decode()
        for url in (
            *(f"{ENDPOINTS}/", f"{ENDPOINTS}/{endpoint.pk}/change/", f"{ENDPOINTS}/{endpoint.pk}/disable/"),
            *(f"{DELIVERIES}/", f"{DELIVERIES}/{message.pk}/change/", f"{DELIVERIES}/?q={endpoint.pk}"),
        )
    ]

    hidden = (endpoint.secret, endpoint.previous_secret, "path-marker", "query-marker", "body-marker")
    assert [text for text in hidden if any(text in page for page in pages)] == []
    assert "hooks.example.com" in pages[1]
    assert "No response." in pages[3]
    assert "No response." in pages[5]
