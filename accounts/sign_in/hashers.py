"""Verifies the passwords that people had before they were moved here: bcrypt, as passlib and others write it."""

import bcrypt
from django.contrib.auth.hashers import BCryptPasswordHasher

BCRYPT_BYTES = 72  # bcrypt looks at no more; the libraries that made the hashes cut there, today's refuses longer ones


class MovedBcryptHasher(BCryptPasswordHasher):
    """Django's own for plain bcrypt, which takes passwords of any length. Only ever verifies: it is not the first."""

    algorithm = "bcrypt"

    def encode(self, password: str, salt: bytes | str) -> str:
        """The hash of what bcrypt can see of the password."""
        seen = password.encode().partition(b"\0")[0][:BCRYPT_BYTES]
        salt = salt.encode() if isinstance(salt, str) else salt
        return f"{self.algorithm}${bcrypt.hashpw(seen, salt).decode('ascii')}"
