"""Sign-in of staff with Google, below /admin/google/: OpenID Connect by redirects, without client secret or script.

`begin` redirects to Google with a random `state` and `nonce`, and leaves both in a cookie. Google has the browser post
an ID token to `finish`, from another site: a session's cookie would not arrive, so this one is `SameSite=None`.
"""

import hashlib
import secrets
from datetime import timedelta
from functools import partial
from typing import NoReturn
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.sessions.models import Session
from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST
from rest_framework.exceptions import APIException

from accounts.models import User
from accounts.sign_in.google import attempts
from accounts.sign_in.google.id_tokens import Identity
from accounts.sign_in.second_factor_pages import page_here, requested_page
from studio.errors import InvalidInput, NotAllowed, StudioError

COOKIE = "google_sign_in"
TIME_LIMIT = timedelta(minutes=10)  # to choose an account and type Google's password
_SALT = "accounts.sign_in.google"


class NotStaff(NotAllowed):
    """No active member of staff has this Google account."""

    code = "not_staff"
    message = "No member of staff has this Google account. Sign in with your e-mail address and password."


class AttemptUnknown(InvalidInput):
    """The response is not for a sign-in that this browser began, or was used before."""

    code = "attempt_unknown"
    message = "This sign-in with Google has expired, or was used before. Please try again."


@never_cache
@require_GET
def begin(request: HttpRequest) -> HttpResponse:
    """Redirect to Google."""
    attempt = {"state": secrets.token_urlsafe(32), "nonce": secrets.token_urlsafe(32), "next": requested_page(request)}
    response = HttpResponseRedirect(f"{settings.GOOGLE_AUTHORIZATION_URL}?{urlencode(_question(request, attempt))}")
    response.set_cookie(
        COOKIE,
        signing.dumps(attempt, salt=_SALT),
        max_age=TIME_LIMIT,
        path=reverse("staff-google"),
        secure=True,  # browsers accept that from http://localhost, too
        httponly=True,
        samesite="None",
    )
    return response


@never_cache
@csrf_exempt  # Google posts the form; `_attempt` checks its state
@require_POST
def finish(request: HttpRequest) -> HttpResponse:
    """Sign the member of staff in as a password does; the second factor is still asked for."""
    try:
        attempt = _attempt(request)
        user = attempts.user_of(
            id_token=request.POST.get("id_token", ""),
            nonce=attempt["nonce"],
            request=request,
            require=partial(_require, attempt=attempt),
            register=_register,
        )
    except (StudioError, APIException) as exc:
        messages.error(request, exc.message if isinstance(exc, StudioError) else str(exc.detail))
        response = HttpResponseRedirect(reverse("admin:login"))
    else:
        login(request, user, backend="django.contrib.auth.backends.ModelBackend")
        response = HttpResponseRedirect(page_here(request, attempt["next"]))
    response.delete_cookie(COOKIE, path=reverse("staff-google"), samesite="None")
    return response


def _question(request: HttpRequest, attempt: dict[str, str]) -> dict[str, str]:
    """The parameters of the authentication request: OpenID Connect Core 1.0, 3.2.2.1."""
    parameters = {
        "client_id": settings.GOOGLE_CLIENT_IDS[0],
        "redirect_uri": request.build_absolute_uri(reverse("staff-google-finish")),
        "response_type": "id_token",
        "response_mode": "form_post",
        "scope": "openid email",
        "state": attempt["state"],
        "nonce": attempt["nonce"],
        "prompt": "select_account",
    }
    return parameters | ({"hd": settings.GOOGLE_HOSTED_DOMAIN} if settings.GOOGLE_HOSTED_DOMAIN else {})


def _attempt(request: HttpRequest) -> dict[str, str]:
    """The attempt that this browser began and Google responds to. Raises AttemptUnknown."""
    try:
        attempt: dict[str, str] = signing.loads(request.COOKIES.get(COOKIE, ""), salt=_SALT, max_age=TIME_LIMIT)
    except signing.BadSignature as exc:
        raise AttemptUnknown from exc
    if not constant_time_compare(request.POST.get("state", ""), attempt["state"]):
        raise AttemptUnknown
    if "error" in request.POST:
        raise AttemptUnknown("Google has not signed you in. Please try again.")
    return attempt


def _use_up(attempt: dict[str, str]) -> None:
    """Raise AttemptUnknown if the attempt has signed somebody in before, in any process.

    The mark is an empty session, which the daily purge removes after its time.
    """
    key = hashlib.sha256(attempt["state"].encode()).hexdigest()[:40]  # the column's width
    mark = {"session_data": "", "expire_date": timezone.now() + TIME_LIMIT}
    if not Session.objects.get_or_create(session_key=key, defaults=mark)[1]:
        raise AttemptUnknown


def _require(user: User, *, attempt: dict[str, str]) -> None:
    """Raise NotStaff for a user who may not enter the admin, AttemptUnknown for a repeated response."""
    if not (user.is_staff and user.is_active):
        raise NotStaff
    _use_up(attempt)


def _register(identity: Identity) -> NoReturn:
    """Raise NotStaff: only an admin creates members of staff."""
    raise NotStaff
