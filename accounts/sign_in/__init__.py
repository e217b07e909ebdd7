"""Sign-in: passwords, access tokens, second factors, lockout and rate limits."""
