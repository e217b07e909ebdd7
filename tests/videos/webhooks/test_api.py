"""The endpoints of webhooks: create, list, change, rotate."""

import threading
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from tests.conftest import MakeUser, SignIn
from tests.videos.webhooks.conftest import URL, MakeWebhook
from videos.limits import MAX_WEBHOOKS
from videos.models import WebhookEndpoint
from videos.webhooks import endpoints
from videos.webhooks.messages import KINDS

HOOK = "https://hooks.example.com/studio?key=1"
pytestmark = pytest.mark.django_db


def create(client: APIClient, **fields: Any) -> Any:
    return client.post(URL, {"url": HOOK, **fields})


def test_created_webhook_shows_its_secret_once(ann: APIClient) -> None:
    made = create(ann, events=["job.deleted", "job.created"], description="our shop")

    body = made.json()
    endpoint = WebhookEndpoint.objects.get()
    secret = body.pop("secret")
    assert made.status_code == 201
    assert (secret, secret.startswith("whsec_"), len(secret)) == (endpoint.secret, True, 50)
    assert body == {
        "id": str(endpoint.pk),
        "url": HOOK,
        "description": "our shop",
        "events": ["job.created", "job.deleted"],
        "status": "active",
        "disabledReason": None,
        "disabledAt": None,
        "failingSince": None,
        "previousSecretValidUntil": None,
        "createdAt": body["createdAt"],
    }
    assert (ann.get(f"{URL}/{endpoint.pk}").json(), ann.get(URL).json()["items"]) == (body, [body])


def test_webhook_is_sent_all_events_unless_it_chooses(ann: APIClient) -> None:
    assert create(ann).json()["events"] == ["job.created", "job.updated", "job.deleted"]


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"url": "http://hooks.example.com/"}, {"url": ["Must begin with https://."]}),
        ({"url": "https://127.0.0.1/"}, {"url": ["Has an address that is not public."]}),
        ({"url": "https://2130706433/"}, {"url": ["Has an address that is not public."]}),
        (
            {"url": "https://a:b@hooks.example.com/"},
            {"url": ["Must have no user name or password; put a secret into the path."]},
        ),
        ({"url": ""}, {"url": ["This field may not be blank."]}),
        ({"url": None}, {"url": ["This field is required."]}),
        ({"url": 5}, {"url": ["Must be text."]}),
        ({"url": f"{HOOK}{'x' * 1000}"}, {"url": ["Ensure this field has no more than 1000 characters."]}),
        ({"events": []}, {"events": ["Must name at least one kind."]}),
        (
            {"events": ["job.finished"]},
            {"events.0": ["Must be one of: job.created, job.updated, job.deleted.", 'You sent "job.finished".']},
        ),
        ({"description": "x" * 201}, {"description": ["Ensure this field has no more than 200 characters."]}),
        ({"secret": "whsec_mine"}, {"secret": ["Unknown field. The fields are: url, events, description."]}),
    ],
)
def test_wrong_fields_are_refused_and_nothing_is_created(ann: APIClient, fields: Any, wrong: Any) -> None:
    refused = create(ann, **fields)

    assert (refused.status_code, refused.json()["errors"]) == (400, wrong)
    assert not WebhookEndpoint.objects.exists()


def test_eleventh_webhook_is_refused_until_one_is_deleted(ann: APIClient) -> None:
    ids = [create(ann).json()["id"] for _ in range(MAX_WEBHOOKS)]
    refused = create(ann)
    ann.delete(f"{URL}/{ids[3]}")

    again = [create(ann).status_code for _ in range(2)]

    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_webhooks")
    assert again == [201, 409]


@pytest.mark.django_db(transaction=True)
def test_requests_at_once_create_ten_together(make_user: MakeUser, sign_in: SignIn) -> None:
    user = make_user()
    start, statuses = threading.Barrier(12), list[int]()
    clients = [sign_in(user) for _ in range(12)]

    def run(client: APIClient) -> None:
        start.wait(30)
        statuses.append(create(client).status_code)
        connection.close()

    threads = [threading.Thread(target=run, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert sorted(statuses) == [201] * 10 + [409] * 2
    assert sorted(WebhookEndpoint.objects.values_list("place", flat=True)) == list(range(1, 11))


def test_change_keeps_what_is_left_out(ann: APIClient) -> None:
    made = create(ann, description="our shop").json()
    WebhookEndpoint.objects.update(failing_since="2026-11-30T12:00Z")

    one = ann.patch(f"{URL}/{made['id']}", {"description": "", "events": ["job.deleted"]}).json()
    two = ann.patch(f"{URL}/{made['id']}", {"url": "https://other.example.com/"}).json()

    assert (one["url"], one["description"], one["events"]) == (HOOK, "", ["job.deleted"])
    assert (two["url"], two["events"]) == ("https://other.example.com/", ["job.deleted"])
    assert (one["failingSince"], two["failingSince"]) == ("2026-11-30T12:00:00.000Z", None)
    assert "secret" not in one


def test_refused_change_changes_nothing(ann: APIClient) -> None:
    made = create(ann).json()

    refused = ann.patch(f"{URL}/{made['id']}", {"description": "new", "url": "https://10.0.0.1/"})

    made.pop("secret")
    assert (refused.status_code, ann.get(f"{URL}/{made['id']}").json()) == (400, made)


def test_webhook_is_disabled_and_enabled_by_its_owner(ann: APIClient, rq_hints: Any) -> None:
    hook = f"{URL}/{create(ann).json()['id']}"
    ann.post(f"{hook}/test")

    off = ann.patch(hook, {"status": "disabled"}).json()
    refused = ann.post(f"{hook}/test")
    [message] = ann.get(f"{hook}/deliveries").json()["items"]
    again = ann.post(f"{hook}/deliveries/{message['id']}/retry")
    on = ann.patch(hook, {"status": "active"}).json()

    assert (off["status"], off["disabledReason"], off["disabledAt"] is None) == ("disabled", "owner", False)
    assert [(one.status_code, one.json()["code"]) for one in (refused, again)] == [(409, "webhook_disabled")] * 2
    assert (message["status"], message["error"]) == ("failed", "The webhook was disabled.")
    assert (on["status"], on["disabledReason"], on["disabledAt"]) == ("active", None, None)


def test_rotation_shows_the_new_secret_and_when_the_old_one_ends(ann: APIClient) -> None:
    made = create(ann).json()

    rotated = ann.post(f"{URL}/{made['id']}/rotate-secret").json()

    endpoint = WebhookEndpoint.objects.get()
    assert rotated["secret"] == endpoint.secret != made["secret"] == endpoint.previous_secret
    assert rotated["previousSecretValidUntil"] is not None
    assert "secret" not in ann.get(f"{URL}/{made['id']}").json()


def test_lists_are_of_the_caller_and_need_few_statements(
    make_user: MakeUser, sign_in: SignIn, make_webhook: MakeWebhook, django_assert_num_queries: Any, rq_hints: Any
) -> None:
    user = make_user()
    make_webhook(make_user("bob@example.com"))
    client, counts = sign_in(user), set()
    for many in (1, 2):
        for _ in range(many):
            endpoints.send_test(endpoint=make_webhook(user))
        endpoint = WebhookEndpoint.objects.filter(owner=user).first()
        assert endpoint
        endpoints.send_test(endpoint=endpoint)
        for url in (URL, f"{URL}/{endpoint.pk}/deliveries"):
            with django_assert_num_queries(4 if url != URL else 3) as asked:
                client.get(url)
            counts.add((url == URL, len(asked)))

    assert len(counts) == 2
    assert client.get(URL).json()["total"] == 3


def test_links_have_the_host_that_the_creation_used(make_user: MakeUser, sign_in: SignIn) -> None:
    create(sign_in(make_user()))

    assert WebhookEndpoint.objects.get().origin == "http://testserver"


def test_secret_is_not_logged(ann: APIClient, caplog: pytest.LogCaptureFixture) -> None:
    made = create(ann).json()
    rotated = ann.post(f"{URL}/{made['id']}/rotate-secret").json()

    text = "".join(str(vars(record)) for record in caplog.records) + repr(WebhookEndpoint.objects.get())
    assert made["secret"] not in text
    assert rotated["secret"] not in text
    assert "hooks.example.com" not in text


def test_development_accepts_local_receivers(ann: APIClient, settings: Any) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = True

    assert create(ann, url="http://localhost:3000/hooks").status_code == 201


def test_schema_has_the_kinds_of_events() -> None:
    schemas = Client().get("/openapi.json").json()["components"]["schemas"]

    assert schemas["WebhookEvent"]["enum"] == [kind.value for kind in KINDS]
