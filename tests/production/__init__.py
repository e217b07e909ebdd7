"""`docs/production.md`, followed to the letter on a fresh Debian: `make production`, as root."""
