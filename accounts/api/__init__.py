"""The endpoints of accounts: sign-in, sessions, API keys, passwords, the ledger."""
