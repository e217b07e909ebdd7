"""Sends the API requests that its schema allows, and some that it does not."""
