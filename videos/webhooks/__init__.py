"""Webhooks: signed messages about video jobs to addresses that their owners choose."""
