"""Django's PostgreSQL backend, with a health check that sends no statement, and timestamps parsed in C."""
