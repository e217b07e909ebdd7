"""Runs video jobs: submit, poll, transfer, and what happens when one of them fails."""
