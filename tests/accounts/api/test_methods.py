"""`GET /auth/methods`: what a page may offer to a person who is not signed in."""

from typing import Any

import pytest
from rest_framework.test import APIClient

URL = "/api/v1/auth/methods"

pytestmark = pytest.mark.django_db


def test_methods_are_those_of_the_settings(anonymous: APIClient, settings: Any) -> None:
    settings.REGISTRATION_OPEN, settings.SIGNUP_TOKENS, settings.MAIL_IS_CONFIGURED = True, 100, True
    settings.GOOGLE_CLIENT_IDS, settings.GOOGLE_HOSTED_DOMAIN = ["1-a.apps.googleusercontent.com", "2-b"], "example.com"

    response = anonymous.get(URL)

    assert (response.status_code, response.json()) == (
        200,
        {
            "registrationOpen": True,
            "signUpTokens": 100,
            "mail": True,
            "demo": True,
            "google": {
                "clientId": "1-a.apps.googleusercontent.com",
                "authorizationUrl": settings.GOOGLE_AUTHORIZATION_URL,
                "hostedDomain": "example.com",
            },
        },
    )


def test_closed_server_offers_little(anonymous: APIClient, settings: Any) -> None:
    settings.REGISTRATION_OPEN, settings.MAIL_IS_CONFIGURED, settings.PRODUCTION = False, False, True
    settings.GOOGLE_CLIENT_IDS = []

    body = anonymous.get(URL).json()

    assert {name: body[name] for name in ("registrationOpen", "mail", "demo", "google")} == {
        "registrationOpen": False,
        "mail": False,
        "demo": False,
        "google": None,
    }


def test_methods_need_no_token_and_no_statement(anonymous: APIClient, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        response = anonymous.get(URL, headers={"Authorization": "Bearer expired"})

    assert response.status_code == 200
