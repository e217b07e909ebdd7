"""Recovers operations and videos that a provider has billed."""
