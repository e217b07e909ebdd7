"""The back office of people: their tokens, sign-ins and second factors."""
