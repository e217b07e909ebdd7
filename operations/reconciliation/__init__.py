"""Compares balances, charges, rows and stored files with each other."""
