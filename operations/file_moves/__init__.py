"""Moves stored files from one storage to another while the system runs."""
