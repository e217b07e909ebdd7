"""Which ID tokens are accepted; every other one changes nothing but the count of failures."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from rest_framework.test import APIClient

from accounts.models import SignIn, User
from tests.fakes.google_issuer import OTHER_CLIENT_ID, FakeIssuer, certificate, private_key
from tests.fixtures.google_issuer import SIGN_IN, SignInWithGoogle

TOKENS = ["access", "expiresIn", "refresh"]
INVALID = 401, "google_token_invalid"

pytestmark = pytest.mark.django_db


def now(seconds: int = 0) -> int:
    """The time so many seconds from now, as tokens have it."""
    return int(time.time()) + seconds


def without_key_id(token: str) -> str:
    """Signed by a known key."""
    body = f"{encoded({'alg': 'RS256'})}.{token.split('.')[1]}"
    return f"{body}.{encoded(private_key('key-1').sign(body.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def encoded(part: Any) -> str:
    text = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def unsigned(token: str) -> str:
    return f"{encoded({'alg': 'none', 'kid': 'key-1'})}.{token.split('.')[1]}."


def signed_with(secret: bytes, token: str) -> str:
    """HS256 with a text that everybody knows."""
    body = f"{encoded({'alg': 'HS256', 'kid': 'key-1'})}.{token.split('.')[1]}"
    return f"{body}.{encoded(hmac.digest(secret, body.encode(), hashlib.sha256))}"


def public_key() -> bytes:
    key = private_key("key-1").public_key()
    return bytes(key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))


ACCEPTED: dict[str, Callable[[], dict[str, Any]]] = {
    "usual": dict,
    "second key": lambda: {"key": "key-2"},
    "issuer without a scheme": lambda: {"iss": "accounts.google.com"},
    "second client": lambda: {"aud": OTHER_CLIENT_ID},
    "expired within the leeway": lambda: {"exp": now(-1), "iat": now(-3600)},
    "issued by a clock a little ahead": lambda: {"iat": now(8), "nbf": now(8)},
    "without nbf": lambda: {"nbf": None},
}
REFUSED: dict[str, Callable[[FakeIssuer], str]] = {
    "audience of another application": lambda issuer: issuer.token(aud="other.apps.googleusercontent.com"),
    "list of audiences": lambda issuer: issuer.token(aud=["web.apps.googleusercontent.com"]),
    "no audience": lambda issuer: issuer.token(aud=None),
    "issuer": lambda issuer: issuer.token(iss="https://accounts.google.com.evil.example"),
    "no issuer": lambda issuer: issuer.token(iss=None),
    "expired": lambda issuer: issuer.token(iat=now(-3700), exp=now(-60)),
    "no expiry": lambda issuer: issuer.token(exp=None),
    "expiry as text": lambda issuer: issuer.token(exp="2999"),
    "no time of issue": lambda issuer: issuer.token(iat=None),
    "issued later": lambda issuer: issuer.token(iat=now(600)),
    "valid later": lambda issuer: issuer.token(nbf=now(600)),
    "valid at a text": lambda issuer: issuer.token(nbf="now"),
    "no subject": lambda issuer: issuer.token(sub=None),
    "empty subject": lambda issuer: issuer.token(sub=""),
    "number as subject": lambda issuer: issuer.token(sub=1),
    "long subject": lambda issuer: issuer.token(sub="1" * 256),
    "no address": lambda issuer: issuer.token(email=None),
    "malformed address": lambda issuer: issuer.token(email="ann"),
    "address with a NUL": lambda issuer: issuer.token(email="ann\0@example.com"),
    "alg=none": lambda issuer: unsigned(issuer.token()),
    "HS256 with the public key": lambda issuer: signed_with(public_key(), issuer.token()),
    "HS256 with the certificate": lambda issuer: signed_with(certificate("key-1").encode(), issuer.token()),
    "key of a stranger under a known id": lambda issuer: issuer.token(key="stranger", header={"kid": "key-1"}),
    "ES256 under the id of an RSA key": lambda issuer: issuer.token(key="ec-1", header={"kid": "key-1"}),
    "unknown key": lambda issuer: issuer.token(key="stranger"),
    "other claims under a genuine signature": lambda issuer: ".".join(
        [*issuer.token().split(".")[:1], encoded({"sub": "1"}), issuer.token().split(".")[2]]
    ),
    "no key id": lambda issuer: without_key_id(issuer.token()),
    "no token": lambda issuer: "ann@example.com",
    "two parts": lambda issuer: "a.b",
    "no base64": lambda issuer: "ä.ö.ü",
    "no JSON": lambda issuer: f"{encoded(b'{')}.{encoded(b'{')}.{encoded(b'x')}",
    "list in place of an object": lambda issuer: f"{encoded([])}.{encoded([])}.{encoded(b'x')}",
    "list as key id": lambda issuer: f"{encoded({'alg': 'RS256', 'kid': []})}.{encoded({})}.{encoded(b'x')}",
    "object as algorithm": lambda issuer: f"{encoded({'alg': {}, 'kid': 'key-1'})}.{encoded({})}.{encoded(b'x')}",
    "deep JSON": lambda issuer: f"{encoded(b'[' * 2900)}.{encoded({})}.x",
}


@pytest.mark.parametrize("claims", ACCEPTED.values(), ids=ACCEPTED)
def test_genuine_token_signs_in(
    settings: Any, sign_in_with_google: SignInWithGoogle, claims: Callable[[], dict[str, Any]]
) -> None:
    settings.CLOCK_LEEWAY_SECONDS = 600  # a busy machine may take more than ten seconds from here to the check

    assert sign_in_with_google(**claims()) == (200, TOKENS)


def test_token_signed_with_an_elliptic_curve_signs_in(
    issuer: FakeIssuer, sign_in_with_google: SignInWithGoogle
) -> None:
    issuer.keys.append("ec-1")

    assert sign_in_with_google(key="ec-1") == (200, TOKENS)


@pytest.mark.parametrize("make", REFUSED.values(), ids=REFUSED)
def test_other_token_is_refused_and_creates_nothing(
    issuer: FakeIssuer,
    sign_in_with_google: SignInWithGoogle,
    make: Callable[[FakeIssuer], str],
) -> None:
    assert sign_in_with_google(make(issuer)) == INVALID
    assert (User.objects.count(), list(SignIn.objects.values_list("user", "method", "succeeded"))) == (
        0,
        [(None, "google", False)],
    )


@pytest.mark.parametrize("value", [False, "false", "true", 1, None])
def test_unverified_address_is_refused(sign_in_with_google: SignInWithGoogle, value: Any) -> None:
    assert sign_in_with_google(email_verified=value) == (403, "google_email_unverified")
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("domain", "outcome"),
    [
        ("example.com", (200, TOKENS)),
        ("Example.COM", (200, TOKENS)),
        ("other.example", (403, "google_domain_refused")),
        (None, (403, "google_domain_refused")),
    ],
)
def test_hosted_domain(
    settings: Any, sign_in_with_google: SignInWithGoogle, domain: str | None, outcome: tuple[int, Any]
) -> None:
    settings.GOOGLE_HOSTED_DOMAIN = "example.com"

    assert sign_in_with_google(hd=domain) == outcome


def test_refused_token_is_explained_like_any_401(issuer: FakeIssuer) -> None:
    response = APIClient().post(SIGN_IN, {"idToken": "x"})

    assert response.json() == {
        "detail": "This is no valid ID token of Google for this server, or it has expired. Sign in again.",
        "code": "google_token_invalid",
    }
    assert response["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("name", ["idToken", "id_token", "google_id_token", "googleIdToken"])
@pytest.mark.parametrize("kind", ["json", "multipart"])
def test_names_of_the_token(issuer: FakeIssuer, name: str, kind: str) -> None:
    assert APIClient().post(SIGN_IN, {name: issuer.token()}, format=kind).status_code == 200


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {"idToken": ["This field is required."]}),
        ({"google_id_token": "x" * 4097}, {"google_id_token": ["Ensure this field has no more than 4096 characters."]}),
        ({"idToken": 1}, {"idToken": ["Must be text."]}),
        ({"idToken": "a", "google_id_token": "b"}, {"idToken": ['Differs from "google_id_token". Give it once.']}),
    ],
)
def test_malformed_body(issuer: FakeIssuer, body: Any, errors: Any) -> None:
    response = APIClient().post(SIGN_IN, body)

    assert (response.status_code, response.json()["errors"]) == (400, errors)
