"""Sends the API what its schema allows, and what it does not."""
