"""The demo account of a development server: signing in to it, and filling an account with its data."""

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from django.db.models.functions import Now
from rest_framework.test import APIClient

from accounts import tasks
from accounts.models import AccountTask, User
from looks.models import Look
from operations import account_tasks
from operations.demo import account
from operations.demo.account import DEMO_EMAIL, DEMO_TOKENS
from studio.env import PROJECT
from tests.conftest import MakeUser, SignIn
from tests.fixtures.video_jobs import MakeJob
from videos.limits import MAX_UNFINISHED_JOBS

SIGN_IN, FILL = "/api/v1/auth/demo", "/api/v1/auth/me/demo"
SECRETS = {"SECRET_KEY": "s" * 64, "JWT_SIGNING_KEY": "j" * 64, "ALLOWED_HOSTS": "studio.example.com"}


def test_demo_account_is_created_once_and_signed_in(anonymous: APIClient, db: None) -> None:
    first, second = anonymous.post(SIGN_IN), anonymous.post(SIGN_IN)

    assert (first.status_code, second.status_code) == (200, 200)
    me = APIClient(HTTP_AUTHORIZATION=f"Bearer {second.json()['access']}").get("/api/v1/auth/me").json()
    assert (me["email"], me["emailVerified"], me["isStaff"]) == (DEMO_EMAIL, True, False)
    assert me["tokens"] == {"balance": DEMO_TOKENS, "unlimited": False}
    assert User.objects.count() == 1


def test_deactivated_demo_account_is_refused(anonymous: APIClient, make_user: MakeUser) -> None:
    make_user(DEMO_EMAIL)
    User.objects.update(is_active=False)

    response = anonymous.post(SIGN_IN)

    assert (response.status_code, response.json()["code"]) == (401, "account_inactive")


@pytest.mark.slow
def test_account_is_filled_in_the_background_and_only_once(make_user: MakeUser, sign_in: SignIn, media: Path) -> None:
    user = make_user()
    client = sign_in(user)

    responses = [client.post(FILL) for _ in range(2)]

    assert [(response.status_code, response.json()) for response in responses] == [(202, {"status": "preparing"})] * 2
    assert AccountTask.objects.filter(kind=AccountTask.Kind.DEMO, user=user).count() == 1
    assert not Look.objects.exists()
    account_tasks.run_others(threading.Event())
    assert user.looks.count() == 6
    assert user.video_jobs.count() == 8
    assert AccountTask.objects.get().finished_at is not None


@pytest.mark.slow
def test_videos_ordered_meanwhile_leave_the_rest_of_the_demo_for_later(
    make_user: MakeUser, make_job: MakeJob, media: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    user = make_user()
    account.request_content(user=user)
    renew = tasks.renew

    def order_and_renew(task: AccountTask) -> None:
        if user.video_jobs.exists() and not user.video_jobs.live().exists():
            for _ in range(MAX_UNFINISHED_JOBS):
                make_job(user)
        renew(task)

    with monkeypatch.context() as patch:
        patch.setattr(tasks, "renew", order_and_renew)
        account_tasks.run_others(threading.Event())
    first = AccountTask.objects.get()
    assert (first.finished_at, first.last_error.partition(":")[0]) == (None, "LimitReached")
    assert "account_task.crashed" not in caplog.messages
    AccountTask.objects.update(due_at=Now())
    account_tasks.run_others(threading.Event())

    assert AccountTask.objects.get().finished_at is not None


@pytest.mark.slow
@pytest.mark.once
def test_production_has_neither(tmp_path: Path) -> None:
    code = (
        "import django; django.setup(); from operations.urls import urlpatterns; "
        "print([pattern.name for pattern in urlpatterns])"
    )
    environment = {**os.environ, "DATA_DIR": str(tmp_path), "ENVIRONMENT": "production", **SECRETS}
    environment |= {"DJANGO_SETTINGS_MODULE": "studio.settings"}

    said = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, env=environment, capture_output=True, text=True, check=True
    )

    assert said.stdout == "['healthz', 'readyz', 'metrics']\n"
