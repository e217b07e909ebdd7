"""The life of an account over real sockets: a web server, a sweeper that sends mails, and two people with clients."""

import email
import email.policy
import io
import json
import re
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.running import PASSWORD, RunningStudio

pytestmark = [pytest.mark.slow, pytest.mark.product, pytest.mark.xdist_group("flow")]
API = "/api/v1"
NEW_PASSWORD = "another-long-passphrase"


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStudio]:
    running = RunningStudio(tmp_path_factory.mktemp("accounts"), REGISTRATION_OPEN="true")
    yield running
    running.stop()


class Person:
    """Someone with an e-mail address, a browser, and a mailbox."""

    def __init__(self, studio: RunningStudio, name: str) -> None:
        self.email = f"{name}@example.com"
        self.http = httpx.Client(base_url=studio.url + API, timeout=30)
        self.tokens: dict[str, Any] = {}
        self._mails = studio.folder / "mail"
        self._opened: set[str] = set()

    def register(self) -> None:
        assert self.post("/auth/register", email=self.email, password=PASSWORD).status_code == 201

    def sign_in(self, password: str = PASSWORD) -> int:
        response = self.post("/auth/token", email=self.email, password=password)
        if response.status_code == 200:
            self.use(response.json())
        return response.status_code

    def use(self, tokens: dict[str, Any]) -> None:
        self.tokens = tokens
        self.http.headers["Authorization"] = f"Bearer {tokens['access']}"

    def post(self, path: str, **body: Any) -> httpx.Response:
        return self.http.post(path, json=body)

    def get(self, path: str) -> Any:
        return self.http.get(path).json()

    def token_from_mail(self, page: str) -> str:
        """The token of the link to this page of the frontend, in a mail that was not opened yet."""
        return until(lambda: self._link(page))

    def _link(self, page: str) -> str | None:
        for file in self._mails.glob("*") if self._mails.exists() else ():
            message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
            text: Any = message.get_body(("plain",)) if message["To"] == self.email else None
            for link in re.findall(rf"http\S+/{page}\?\S+", text.get_content()) if text else ():
                token = parse_qs(urlsplit(link).query)["token"][0]
                if token not in self._opened:
                    self._opened.add(token)
                    return token
        return None


def until(condition: Callable[[], Any], *, seconds: float = 60) -> Any:
    """What the condition returns once it is true."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it has not happened in time"
        time.sleep(0.2)
    return found


@pytest.fixture
def ann(studio: RunningStudio) -> Iterator[Person]:
    person = Person(studio, "ann")
    with person.http:
        yield person


@pytest.fixture
def ben(studio: RunningStudio) -> Iterator[Person]:
    person = Person(studio, "ben")
    with person.http:
        yield person


def test_account_from_registration_to_deletion(studio: RunningStudio, ann: Person, ben: Person) -> None:
    _registers_and_verifies_the_address(ann)
    _forgets_the_password_and_sets_another(ann)
    _refreshes_in_two_tabs_and_ends_one_session(ann)
    _lets_a_script_use_a_key_and_revokes_it(ann)
    look = _shares_a_look_with_an_address(ann, ben)
    _takes_the_data_along(ann, look)
    _deletes_the_account(studio, ann, ben, look)


def _registers_and_verifies_the_address(ann: Person) -> None:
    ann.register()
    assert ann.sign_in() == 200
    assert (ann.tokens["expiresIn"], ann.get("/auth/me")["emailVerified"]) == (3600, False)

    token = ann.token_from_mail("verify-email")
    confirmed = [ann.post("/auth/email/verify/confirm", token=token) for _ in range(2)]

    assert [response.status_code for response in confirmed] == [204, 400]
    assert confirmed[1].json()["code"] == "link_invalid"
    assert ann.get("/auth/me")["emailVerified"] is True


def _forgets_the_password_and_sets_another(ann: Person) -> None:
    asked = ann.post("/auth/password/reset", email=ann.email.upper())
    token = ann.token_from_mail("reset-password")
    confirmed = [
        ann.post("/auth/password/reset/confirm", token=token, newPassword=password)
        for password in (NEW_PASSWORD, PASSWORD)
    ]
    ended = ann.http.get("/auth/me")

    assert (asked.status_code, [response.status_code for response in confirmed]) == (202, [204, 400])
    assert (confirmed[1].json()["code"], ended.status_code) == ("link_invalid", 401)
    assert [ann.sign_in(password) for password in (PASSWORD, NEW_PASSWORD)] == [401, 200]


def _refreshes_in_two_tabs_and_ends_one_session(ann: Person) -> None:
    with ThreadPoolExecutor(2) as tabs:
        pairs = [
            response.json()
            for response in tabs.map(lambda _: ann.post("/auth/token/refresh", refresh=ann.tokens["refresh"]), range(2))
        ]
    ann.use(pairs[0])
    phone = ann.post("/auth/token", email=ann.email, password=NEW_PASSWORD).json()
    sessions = ann.get("/auth/sessions")["items"]
    (other,) = [session["id"] for session in sessions if not session["isCurrent"]]
    ended = ann.http.delete(f"/auth/sessions/{other}")
    refused = ann.http.get("/auth/me", headers={"Authorization": f"Bearer {phone['access']}"})

    assert [pair["refresh"] for pair in pairs] == [pairs[0]["refresh"]] * 2
    assert (len(sessions), ended.status_code) == (2, 204)
    assert (refused.status_code, refused.json()["code"]) == (401, "session_ended")
    assert ann.http.get("/auth/me").status_code == 200


def _lets_a_script_use_a_key_and_revokes_it(ann: Person) -> None:
    key = ann.post("/api-keys", name="render farm", scopes=["looks:read"]).json()
    headers = {"Authorization": f"Bearer {key['key']}"}

    with httpx.Client(base_url=ann.http.base_url, headers=headers, timeout=30) as script:
        responses = [script.get("/looks"), script.post("/looks", json={"title": "x"}), script.get("/api-keys")]
        responses.append(ann.http.delete(f"/api-keys/{key['id']}"))
        responses.append(script.get("/looks"))

    assert [response.status_code for response in responses] == [200, 403, 403, 204, 401]
    assert (responses[1].json()["code"], responses[4].json()["code"]) == ("key_scope", "key_revoked")


def _shares_a_look_with_an_address(ann: Person, ben: Person) -> str:
    body = {"title": "Stone Essence", "visibility": "shared", "sharedWithEmails": [ben.email.upper()]}
    look = ann.post("/looks", **body).json()
    assert look["sharedWithEmails"] == [ben.email]

    ben.register()
    ben.sign_in()
    assert (_shared_with(ben), ben.http.get(f"/looks/{look['id']}").status_code) == ([], 403)

    ben.post("/auth/email/verify/confirm", token=ben.token_from_mail("verify-email"))
    assert (_shared_with(ben), ben.http.get(f"/looks/{look['id']}").status_code) == ([look["id"]], 200)
    return str(look["id"])


def _shared_with(reader: Person) -> list[str]:
    return [item["id"] for item in reader.get("/looks?view=shared")["items"]]


def _takes_the_data_along(ann: Person, look: str) -> None:
    file = until(lambda: _finished(ann.http.get("/auth/me/export")))
    archive = zipfile.ZipFile(io.BytesIO(file))
    texts = "".join(archive.read(name).decode() for name in archive.namelist())

    assert [word in texts for word in (ann.email, look, "ben@example.com")] == [True] * 3


def _finished(response: httpx.Response) -> bytes:
    assert response.status_code in {200, 202}
    return response.content if response.status_code == 200 else b""


def _deletes_the_account(studio: RunningStudio, ann: Person, ben: Person, look: str) -> None:
    deleted = ann.http.request("DELETE", "/auth/me", json={"password": NEW_PASSWORD})

    assert (deleted.status_code, ann.http.get("/auth/me").status_code) == (204, 401)
    until(lambda: ben.http.get(f"/looks/{look}").status_code == 404)
    assert _shared_with(ben) == []
    until(lambda: _rows_with(ann.email, studio) == [])
    assert {row["model"] for row in _rows_with(ben.email, studio)} >= {"accounts.user"}
    assert ann.sign_in(NEW_PASSWORD) == 401  # last: a wrong password is counted, with the address that was typed


def _rows_with(text: str, studio: RunningStudio) -> list[Any]:
    """The rows of any table that have the text."""
    rows = json.loads(studio.manage("dumpdata", "--exclude", "django_rq"))  # which has a model without a table
    return [row for row in rows if text in json.dumps(row)]
