"""Creates users and their access tokens, in a process of the product."""

import uuid

from django.conf import settings
from rest_framework_simplejwt.tokens import RefreshToken

from accounts.registration import create_user


def make(*, count: int, tokens: int) -> list[dict[str, str]]:
    """Create this many users, each with an access token."""
    # real hashing takes 0.1 s a user, on purpose
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    made = []
    for _ in range(count):
        user = create_user(email=f"{uuid.uuid4().hex}@example.com", password=uuid.uuid4().hex, tokens=tokens)
        made.append({"id": str(user.pk), "access": str(RefreshToken.for_user(user).access_token)})
    return made
