"""Compares balances, charges, rows and files with each other."""
