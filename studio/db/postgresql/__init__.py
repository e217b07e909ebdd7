"""Django's PostgreSQL backend, with a health check that costs no statement, and moments read fast."""
