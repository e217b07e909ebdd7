"""Verifies the passwords of imported users: bcrypt, as passlib and others write it."""

import bcrypt
from django.contrib.auth.hashers import BCryptPasswordHasher

BCRYPT_BYTES = 72  # bcrypt reads no more; older libraries cut there, today's refuses longer ones


class ImportedBcryptHasher(BCryptPasswordHasher):
    """Django's own for plain bcrypt, for passwords of any length. It only verifies, as it is not the first hasher."""

    algorithm = "bcrypt"

    def encode(self, password: str, salt: bytes | str) -> str:
        """The hash of the part that bcrypt reads."""
        read = password.encode().partition(b"\0")[0][:BCRYPT_BYTES]
        salt = salt.encode() if isinstance(salt, str) else salt
        return f"{self.algorithm}${bcrypt.hashpw(read, salt).decode('ascii')}"
