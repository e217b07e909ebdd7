"""The back office of users: their tokens, sign-ins and second factors."""
