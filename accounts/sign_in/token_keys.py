"""Signs tokens with one key, and verifies those of other keys too: the next one, and the previous one."""

from contextlib import suppress
from typing import Any

from django.conf import settings
from rest_framework_simplejwt import state
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenBackendError, TokenBackendExpiredToken


class RotatingBackend(TokenBackend):
    """simplejwt's, which has one key. With JWT_VERIFYING_KEYS a rotation keeps every session."""

    def __init__(self, *, key: str, verifying: list[str]) -> None:
        algorithm = str(settings.SIMPLE_JWT["ALGORITHM"])
        leeway = settings.CLOCK_LEEWAY_SECONDS
        super().__init__(algorithm, key, leeway=leeway)
        self._others = [TokenBackend(algorithm, other, leeway=leeway) for other in verifying]

    def decode(self, token: Any, verify: bool = True) -> dict[str, Any]:
        """The payload. Raises TokenBackendExpiredToken for an expired token, TokenBackendError if no key fits."""
        try:
            return super().decode(token, verify)
        except TokenBackendExpiredToken:
            raise
        except TokenBackendError:
            for other in self._others:
                with suppress(TokenBackendError):
                    return other.decode(token, verify)
            raise


def install() -> None:
    """Replace simplejwt's backend, for which it has no setting."""
    state.token_backend = RotatingBackend(key=settings.JWT_SIGNING_KEY, verifying=settings.JWT_VERIFYING_KEYS)
