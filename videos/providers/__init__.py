"""Adapters to the services that generate videos."""
