"""Generates clients from the API's schema, and uses each of them against the running product."""
