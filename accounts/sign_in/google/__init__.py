"""Sign-in with Google: ID tokens and the keys that verify them, accounts of Google users, and the admin's pages."""
