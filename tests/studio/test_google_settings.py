"""The settings of sign-in with Google: values that cannot work stop the start."""

import runpy
from typing import Any

import pytest

from studio.env import PROJECT, BadEnvironment

pytestmark = pytest.mark.once
FORM = "GOOGLE_CLIENT_IDS should have the form 123-abc.apps.googleusercontent.com, comma separated."


def settings(monkeypatch: pytest.MonkeyPatch, **variables: str) -> dict[str, Any]:
    """The settings that these variables make."""
    for name in ("GOOGLE_CLIENT_IDS", "GOOGLE_HOSTED_DOMAIN", "STAFF_GOOGLE", "GOOGLE_CERTS_URL"):
        monkeypatch.setenv(name, variables.get(name, ""))
    return runpy.run_path(str(PROJECT / "studio" / "settings" / "google_sign_in.py"))


def test_unset_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    found = settings(monkeypatch)

    assert (found["GOOGLE_CLIENT_IDS"], found["GOOGLE_HOSTED_DOMAIN"], found["STAFF_GOOGLE"]) == ([], "", False)
    assert found["GOOGLE_CERTS_URL"] == "https://www.googleapis.com/oauth2/v1/certs"
    assert found["GOOGLE_AUTHORIZATION_URL"] == "https://accounts.google.com/o/oauth2/v2/auth"


def test_several_clients_and_a_domain(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = "1-a.apps.googleusercontent.com, 2-b.apps.googleusercontent.com"

    found = settings(monkeypatch, GOOGLE_CLIENT_IDS=ids, GOOGLE_HOSTED_DOMAIN="Example.com", STAFF_GOOGLE="true")

    assert found["GOOGLE_CLIENT_IDS"] == ids.split(", ")
    assert (found["GOOGLE_HOSTED_DOMAIN"], found["STAFF_GOOGLE"]) == ("example.com", True)


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"GOOGLE_CLIENT_IDS": "GOCSPX-a-client-secret"}, FORM),
        ({"GOOGLE_CLIENT_IDS": "1-a.apps.googleusercontent.com.evil.example"}, FORM),
        ({"STAFF_GOOGLE": "true"}, "STAFF_GOOGLE is true, but GOOGLE_CLIENT_IDS is not set; set both, or neither."),
    ],
)
def test_unusable_value_is_named(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], sentence: str) -> None:
    with pytest.raises(BadEnvironment) as refusal:
        settings(monkeypatch, **variables)

    assert str(refusal.value) == sentence
