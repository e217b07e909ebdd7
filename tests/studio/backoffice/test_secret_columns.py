"""No filter, search or order of a back-office list reveals a secret column."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.core import checks
from django.db import models
from django.test import Client, RequestFactory
from django.urls import reverse
from django_otp.plugins.otp_totp.models import TOTPDevice

import studio.urls  # noqa: F401 - registers the pages
from tests.conftest import MakeUser

SECRET_NAMES = (
    "password",
    "key",
    "token",
    "secret",
    "previous_secret",
    "url",  # of a webhook
    "body",
    "session_key",
    "session_data",
    "jti",
    "post_data",
    "get_data",
    "digest",
)
# clients choose them, and they open nothing
NO_SECRETS = {"looks.LookKey.key", "videos.SpentKey.key", "videos.VideoJob.idempotency_key"}
LOOKUPS = ("", "__startswith", "__regex", "__gt", "__in", "__isnull")
RELATIONS = 3


def secret_paths(model: Any, depth: int = RELATIONS) -> Iterator[str]:
    """Each way, in the words of a query, from a table to a secret column, over at most `depth` relations."""
    for field in model._meta.get_fields():
        if field.is_relation:
            if depth and field.related_model:
                name = field.name
                yield from (f"{name}__{path}" for path in secret_paths(field.related_model, depth - 1))
        elif field.name in SECRET_NAMES and f"{model._meta.label}.{field.name}" not in NO_SECRETS:
            yield str(field.name)


PAGES = {model._meta.label: pages for model, pages in admin.site._registry.items() if model._meta.managed}


def test_the_walk_finds_secrets() -> None:
    of_person = set(secret_paths(PAGES["accounts.User"].model))

    assert {"password", "totpdevice__key", "staticdevice__token_set__token", "outstandingtoken__token"} <= of_person
    assert "user__password" in set(secret_paths(PAGES["otp_totp.TOTPDevice"].model))


@pytest.mark.parametrize("label", PAGES)
def test_list_is_not_narrowed_down_by_a_secret(rf: RequestFactory, label: str) -> None:
    pages, request = PAGES[label], rf.get("/")
    asked = [f"{path}{lookup}" for path in secret_paths(pages.model) for lookup in LOOKUPS]

    assert [path for path in asked if pages.lookup_allowed(path, "a", request)] == []


@pytest.mark.parametrize("label", PAGES)
def test_list_is_neither_searched_nor_ordered_by_a_secret(rf: RequestFactory, label: str) -> None:
    pages, request = PAGES[label], rf.get("/")
    columns = [getattr(pages, str(name), None) or name for name in pages.get_list_display(request)]
    used = [
        *(name.lstrip("^=@") for name in pages.get_search_fields(request)),
        *(str(getattr(column, "admin_order_field", column)) for column in columns),
        *pages._filtered(request),  # type: ignore[attr-defined]
    ]

    assert used
    assert not set(used) & set(secret_paths(pages.model))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("page", "query"),
    [
        ("otp_totp_totpdevice", "key__startswith"),
        ("otp_totp_totpdevice", "user__password__startswith"),
        ("accounts_user", "password__startswith"),
        ("accounts_user", "totpdevice__key__startswith"),
        ("accounts_user", "outstandingtoken__token__startswith"),
        ("axes_accessattempt", "post_data__contains"),
    ],
)
def test_guess_is_refused(make_user: MakeUser, page: str, query: str) -> None:
    sue, browser = make_user("sue@example.com", staff=True), Client()
    TOTPDevice.objects.create(user=make_user("bob@example.com", staff=True), key="ab" * 20)
    browser.force_login(sue)

    answers = [browser.get(reverse(f"admin:{page}_changelist"), {query: guess}) for guess in ("a", "b")]

    assert [answer.status_code for answer in answers] == [400, 400]


def test_pages_of_a_library_are_noticed() -> None:
    class Outside(models.Model):  # noqa: DJ008 - no row is ever made
        class Meta:
            app_label = "studio"

    admin.site.register(Outside, admin.ModelAdmin)
    try:
        found = [one.id for one in checks.run_checks(tags=[checks.Tags.admin]) if not one.is_silenced()]
    finally:
        admin.site.unregister(Outside)
        Outside._meta.apps.all_models["studio"].pop("outside")
        Outside._meta.apps.clear_cache()

    assert found == ["studio.E020"]
