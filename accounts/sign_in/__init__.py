"""Sign-in: passwords, access tokens, second factors and lockout."""
