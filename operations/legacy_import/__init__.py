"""Imports the database of the legacy system, which this one replaces; see docs/legacy-import.md."""
