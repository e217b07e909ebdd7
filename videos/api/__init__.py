"""The video job endpoints."""
