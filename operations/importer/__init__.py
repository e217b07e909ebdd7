"""Moves what is in the database of the system that this one replaces; see docs/legacy-import.md."""
