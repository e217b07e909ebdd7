"""The steps of a sign-in to the admin with Google, as a browser takes them."""

import re
from html import unescape
from http.cookies import Morsel
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

from django.test import Client

from accounts.models import User
from accounts.sign_in.google import staff_pages

BEGIN, FINISH, LOGIN = "/admin/google/", "/admin/google/finish/", "/admin/login/"


class Begun(NamedTuple):
    """A sign-in whose user is on Google's page."""

    cookie: Morsel[str]
    url: str  # of Google's page

    @property
    def question(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(urlsplit(self.url).query).items()}


def begin(query: str = "", **headers: Any) -> Begun:
    response = Client().get(f"{BEGIN}{query}", **headers)
    assert response.status_code == 302
    return Begun(response.cookies[staff_pages.COOKIE], response["Location"])


def googles_form(url: str) -> tuple[str, dict[str, str]]:
    """The action and the fields of the form that Google's page posts."""
    with urlopen(url, timeout=10) as response:
        page = response.read().decode()
    [action] = re.findall(r'action="(.*?)"', page)
    return unescape(action), {name: unescape(value) for name, value in re.findall(r'name="(.*?)" value="(.*?)"', page)}


def finish(begun: Begun, form: dict[str, str] | None = None, *, cookie: str | None = None) -> Any:
    """Post Google's form as a browser does from another site: with the one cookie that is not bound to ours."""
    browser = Client(enforce_csrf_checks=True)
    browser.cookies[staff_pages.COOKIE] = begun.cookie.value if cookie is None else cookie
    return browser.post(FINISH, googles_form(begun.url)[1] if form is None else form)


def outcome(response: Any) -> tuple[str, str]:
    """Where the response leads, and whose session it began."""
    user_id = response.client.session.get("_auth_user_id", "")
    email = User.objects.get(pk=user_id).email if user_id else ""
    return response["Location"], email


def message(response: Any) -> str:
    return response.client.get(LOGIN).content.decode()
