"""Signs access and refresh tokens with one key, and verifies those of other keys: the next one, and the one before."""

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
        """The payload. Raises TokenBackendError where no key fits, TokenBackendExpiredToken where one does."""
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
    """Put it where simplejwt looks for its own; there is no setting for that."""
    state.token_backend = RotatingBackend(key=settings.JWT_SIGNING_KEY, verifying=settings.JWT_VERIFYING_KEYS)
