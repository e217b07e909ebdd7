"""The second factor of the back office: a code of an authenticator app (TOTP), or one of ten recovery codes.

Staff set it up for themselves; from then on the password alone opens no page below /admin/.
"""

import base64
import logging
from binascii import unhexlify
from typing import cast

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.utils import timezone
from django_otp import DEVICE_ID_SESSION_KEY
from django_otp.models import Device
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.models import User
from studio.errors import InvalidInput, LimitReached, NotAllowed

logger = logging.getLogger(__name__)

RECOVERY_CODES = 10  # as many as fit on a slip of paper; each works once


class WrongCode(InvalidInput):
    """The code is wrong, expired or used."""

    code = "wrong_code"
    message = "This code is wrong, or was used before. Wait for the next one and try again."


class TooManyCodes(LimitReached):
    """After each wrong code, the wait before the next attempt doubles."""

    code = "too_many_codes"
    message = "Too many wrong codes."


def is_set_up(*, user: User) -> bool:
    """Whether the user has a second factor."""
    return bool(TOTPDevice.objects.devices_for_user(user, confirmed=True).exists())


def is_verified(*, user: User, session: SessionBase) -> bool:
    """Whether the session was verified with a second factor that the user still has."""
    device_id = session.get(DEVICE_ID_SESSION_KEY)
    device = Device.from_persistent_id(device_id) if device_id else None
    return bool(device and device.confirmed and device.user_id == user.pk)


def begin(*, user: User) -> TOTPDevice:
    """The unconfirmed authenticator; it stays until confirmed, so that a reload keeps the QR code."""
    device = TOTPDevice.objects.devices_for_user(user, confirmed=False).first()
    return device or TOTPDevice.objects.create(user=user, name="Authenticator app", confirmed=False)


def secret_of(device: TOTPDevice) -> str:
    """The secret as a user types it into an app, in groups of four."""
    text = base64.b32encode(unhexlify(device.key)).decode()
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))


def confirm(*, user: User, code: str, session: SessionBase) -> list[str]:
    """Turn the second factor on, with a code that proves that the app has the secret; returns the recovery codes.

    Raises WrongCode or TooManyCodes.
    """
    device = begin(user=user)
    _check(device, code)
    with transaction.atomic():
        TOTPDevice.objects.filter(pk=device.pk).update(confirmed=True)
        codes = _new_codes(user)
    _mark(session, device)
    logger.info("second_factor.enabled", extra={"user_id": user.pk})
    return codes


def verify(*, user: User, code: str, session: SessionBase) -> None:
    """Verify the session with a code of the app or a recovery code. Raises WrongCode or TooManyCodes."""
    is_of_app = code.replace(" ", "").isdecimal()
    kind = TOTPDevice if is_of_app else StaticDevice
    device = kind.objects.devices_for_user(user, confirmed=True).first()
    if device is None:
        raise WrongCode
    _check(device, code)
    session.cycle_key()
    _mark(session, device)
    logger.info("second_factor.verified", extra={"user_id": user.pk, "is_recovery_code": not is_of_app})


def renew_codes(*, user: User, code: str) -> list[str]:
    """New recovery codes in place of all old ones. Raises WrongCode or TooManyCodes."""
    _check_app(user, code)
    with transaction.atomic():
        return _new_codes(user)


def turn_off(*, user: User, code: str) -> None:
    """Turn the second factor off. Raises NotAllowed if it is required, WrongCode or TooManyCodes."""
    if is_required():
        raise NotAllowed("This server requires two-step sign-in.")
    _check_app(user, code)
    reset(user=user)


def reset(*, user: User) -> None:
    """Remove the user's second factor; the rules for users without one apply to the open sessions."""
    with transaction.atomic():
        TOTPDevice.objects.filter(user=user).delete()
        StaticDevice.objects.filter(user=user).delete()
    logger.warning("second_factor.removed", extra={"user_id": user.pk})


def is_required() -> bool:
    """Whether this deployment requires a second factor of all staff."""
    return bool(settings.REQUIRE_STAFF_OTP)


def codes_left(*, user: User) -> int:
    """The number of unused recovery codes."""
    device = StaticDevice.objects.filter(user=user).first()
    return device.token_set.count() if device else 0


def _check_app(user: User, code: str) -> None:
    device = TOTPDevice.objects.devices_for_user(user, confirmed=True).first()
    if device is None:
        raise WrongCode
    _check(device, code)


def _check(device: Device, code: str) -> None:
    """Use up a code. django-otp rejects used codes and counts wrong ones; the lock covers concurrent calls."""
    with transaction.atomic():
        locked = Device.from_persistent_id(device.persistent_id, for_verify=True)
        if locked is None:
            raise WrongCode
        is_allowed, reason = locked.verify_is_allowed()
        is_right = is_allowed and locked.verify_token("".join(code.split()).replace("-", "").lower())
    if not is_allowed:
        wait = int((reason["locked_until"] - timezone.now()).total_seconds()) + 1
        raise TooManyCodes(f"Too many wrong codes. Wait {wait} s and try again.", retry_after_seconds=wait)
    if not is_right:
        raise WrongCode


def _new_codes(user: User) -> list[str]:
    StaticDevice.objects.filter(user=user).delete()
    device = StaticDevice.objects.create(user=user, name="Recovery codes")
    codes = [device.token_set.model.random_token() for _ in range(RECOVERY_CODES)]
    for code in codes:
        device.token_set.create(token=code)
    return codes


def _mark(session: SessionBase, device: Device) -> None:
    session[DEVICE_ID_SESSION_KEY] = cast("str", device.persistent_id)
