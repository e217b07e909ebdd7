"""Adapters to the services that generate videos. How to add a provider: CONTRIBUTING.md."""
