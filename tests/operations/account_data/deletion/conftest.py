"""An account whose person is in every table, and where a text of the person is found."""

import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from axes.models import AccessAttempt
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.utils import timezone
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice
from rest_framework.test import APIClient

from accounts import ledger, tasks
from accounts.models import AccountTask, ApiKey, User
from accounts.sign_in import lockout
from looks.models import Look, LookEmailShare
from operations import account_tasks
from studio.media.storage import disposal
from tests.conftest import PASSWORD, MakeUser
from tests.fixtures.looks import MakeLook, png
from tests.fixtures.video_jobs import MakeJob
from videos import deletion as job_deletion
from videos.models import JobInput, VideoJob, WebhookDelivery
from videos.phases import Phase
from videos.webhooks import endpoints

EMAIL, NAME = "ann.marker@example.com", "Ann Markerova"
TEXTS = (EMAIL, NAME, "google-marker", "prompt-marker", "look-marker", "product-marker", "key-marker", "client-marker")
TEXTS += ("hook-marker",)


@pytest.fixture
def staff(make_user: MakeUser) -> User:
    return make_user("boss@example.com", staff=True)


@pytest.fixture
def ann(make_user: MakeUser, staff: User, make_job: MakeJob, make_look: MakeLook, media: Path) -> User:
    """A user with rows in every table that can have some, and with files."""
    user = make_user(EMAIL)
    User.objects.filter(pk=user.pk).update(name=NAME, google_id="google-marker", email_verified_at=timezone.now())
    user.refresh_from_db()
    client = APIClient(HTTP_USER_AGENT="client-marker")
    client.post("/api/v1/auth/token", {"email": EMAIL, "password": PASSWORD}, format="json")
    looks = [_look(make_look, user), _look(make_look, user)]
    for phase in Phase:
        job = make_job(user, phase=phase, prompt=f"prompt-marker {phase}", idempotency_key=f"key-marker-{phase}")
        if phase not in {Phase.QUEUED, Phase.SUBMITTING, Phase.GENERATING}:
            looks[0].look_videos.create(video=job)
        _with_files(job)
        if phase == Phase.QUEUED:  # an account has three live jobs at most
            job_deletion.delete(job_id=job.pk)
    make_job(user, phase=Phase.FAILED, prompt="prompt-marker")
    _sharing(user, make_look, make_user)
    _sign_in_data(user)
    _staff_actions(user, staff, make_job, looks)
    client.post("/api/v1/auth/token", {"email": EMAIL, "password": "wrong"}, format="json")
    return user


def _look(make_look: MakeLook, user: User) -> Look:
    products = [{"name": "product-marker", "sku": "1"}]
    key = "key-marker-" + uuid4().hex
    return make_look(
        user, title="look-marker", notes="look-marker", products=products, image=png(), idempotency_key=key
    )


def _with_files(job: VideoJob) -> None:
    if job.phase == Phase.SUCCEEDED:
        default_storage.save(str(job.video.name), ContentFile(b"video"))
    name = default_storage.save(f"inputs/{job.pk}/first_frame-0.png", ContentFile(png()))
    JobInput.objects.create(job=job, role="first_frame", file_name=name, content_type="image/png")
    job.log("line")


def _sharing(user: User, make_look: MakeLook, make_user: MakeUser) -> None:
    bea = make_user("bea@example.com")
    theirs = make_look(bea, title="Bea's", readers=(user,))
    LookEmailShare.objects.create(look=theirs, email=EMAIL)
    make_look(user, title="look-marker", readers=(bea,), image=None)


def _sign_in_data(user: User) -> None:
    ApiKey.objects.create(user=user, name="key-marker", prefix="ais_1", digest="0" * 64, scopes=["videos:read"])
    TOTPDevice.objects.create(user=user, name=NAME)
    StaticDevice.objects.create(user=user, name=NAME)
    hook = endpoints.create(
        owner=user, url="https://hooks.example.com/hook-marker", kinds=["job.updated"], origin="http://testserver"
    )
    WebhookDelivery.objects.create(endpoint=hook, kind="webhook.test", body="hook-marker", due_at=Now())
    tasks.add(AccountTask.Kind.VERIFY_EMAIL, email=EMAIL)
    export = tasks.add(AccountTask.Kind.EXPORT, user=user)
    AccountTask.objects.filter(pk=export.pk).update(content=EMAIL.encode(), finished_at=timezone.now())


def _staff_actions(user: User, staff: User, make_job: MakeJob, looks: list[Look]) -> None:
    """Entries in both logs: of edits, deletions, tokens, and an address in another row."""
    office = Client()
    office.force_login(staff)
    change = f"/admin/looks/look/{looks[0].pk}/change/"
    office.post(change, {"title": "look-marker 2", "notes": "look-marker", "visibility": "private", **_no_inlines()})
    office.post(f"/admin/looks/look/{looks[1].pk}/delete/", {"post": "yes"})
    office.post(f"/admin/accounts/user/{user.pk}/sign-out/", {"confirmed": "yes"})
    job = make_job(user, phase=Phase.SUCCEEDED, prompt="prompt-marker deleted", video="videos/none.mp4")
    job_deletion.delete_by_staff(job_id=job.pk, actor=staff)
    ledger.grant(user=user, tokens=5, note="invoice 7", actor=staff)
    attempt = AccessAttempt.objects.create(username=EMAIL, ip_address="192.0.2.1", failures_since_start=3)
    lockout.unblock(attempts=[attempt], actor=staff)


def _no_inlines() -> dict[str, str]:
    prefixes = ("look_videos", "products", "shares", "email_shares", "links")
    return {f"{prefix}-{name}_FORMS": "0" for prefix in prefixes for name in ("TOTAL", "INITIAL")}


def everything() -> Iterator[tuple[str, str]]:
    """Every value of every table of the database as text, with its table and column."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            columns = [column[0] for column in cursor.description]
            for row in cursor.fetchall():
                for column, value in zip(columns, row, strict=True):
                    is_binary = isinstance(value, memoryview | bytes)
                    yield f"{table}.{column}", bytes(value).decode(errors="replace") if is_binary else str(value)


def places_of(*texts: str) -> set[tuple[str, str]]:
    """Where the texts are stored, ignoring case."""
    found = [(place, value.lower()) for place, value in everything()]
    return {(place, text) for place, value in found for text in texts if text.lower() in value}


def run_tasks() -> None:
    account_tasks.run_others(threading.Event())


def remove_files() -> None:
    while disposal.sweep():
        pass
