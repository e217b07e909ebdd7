"""The background work of an account's data: exports, and what a deletion removes."""
