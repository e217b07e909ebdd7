"""Links of the back office that search for an e-mail address find its rows, whichever characters it contains."""

import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.admin.views.main import ChangeList
from django.test import Client
from django.urls import reverse

from accounts.models import ApiKey
from accounts.sign_in.history import record
from tests.conftest import MakeUser
from tests.fixtures.video_jobs import MakeJob

pytestmark = pytest.mark.django_db
EMAIL = "a+b&c#d%e=f@example.com"
LINK = re.compile(r'<a\b[^>]*?\bhref="([^"]*)"')


def searches(browser: Client, page: str) -> set[str]:
    """The links of a page that search for something."""
    links = [unescape(link) for link in LINK.findall(browser.get(page).content.decode())]
    return {link for link in links if "q=" in link}


def test_links_of_a_user_find_their_rows(make_user: MakeUser, make_job: MakeJob) -> None:
    boss, user, browser = make_user("boss@example.com", staff=True), make_user(EMAIL), Client()
    make_job(user)
    browser.force_login(boss)
    request = browser.get("/admin/").wsgi_request
    record(request=request, user=user, succeeded=True)
    ApiKey.objects.create(user=user, name="script", digest="1")
    pages = [reverse("admin:accounts_user_changelist"), reverse("admin:accounts_user_change", args=(user.pk,))]

    followed = set().union(*(searches(browser, page) for page in pages))

    found = {}
    for link in followed:
        assert parse_qs(urlsplit(link).query) == {"q": [EMAIL]}
        listed: ChangeList = browser.get(link).context["cl"]
        found[listed.model._meta.label] = len(listed.result_list)
    assert found == dict.fromkeys(("videos.VideoJob", "accounts.LedgerEntry", "accounts.SignIn", "accounts.ApiKey"), 1)
