"""Compiled statements, reads in batches, and the PostgreSQL backend."""
