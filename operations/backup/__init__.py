"""Backup and restore of a single machine."""
