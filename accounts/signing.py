"""Signs access and refresh tokens with today's key, and still knows those signed with an earlier one."""

from contextlib import suppress
from typing import Any

from django.conf import settings
from rest_framework_simplejwt import state
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenBackendError, TokenBackendExpiredToken


class RotatingBackend(TokenBackend):
    """simplejwt's, which has one key. With JWT_PREVIOUS_KEYS a new key signs nobody out."""

    def __init__(self, *, key: str, previous: list[str]) -> None:
        algorithm = str(settings.SIMPLE_JWT["ALGORITHM"])
        super().__init__(algorithm, key)
        self._previous = [TokenBackend(algorithm, earlier) for earlier in previous]

    def decode(self, token: Any, verify: bool = True) -> dict[str, Any]:
        """The payload. Raises TokenBackendError where no key fits, TokenBackendExpiredToken where one does."""
        try:
            return super().decode(token, verify)
        except TokenBackendExpiredToken:
            raise
        except TokenBackendError:
            for earlier in self._previous:
                with suppress(TokenBackendError):
                    return earlier.decode(token, verify)
            raise


def install() -> None:
    """Put it where simplejwt looks for its own; there is no setting for that."""
    state.token_backend = RotatingBackend(key=settings.JWT_SIGNING_KEY, previous=settings.JWT_PREVIOUS_KEYS)
