"""Logs, counters, traces and health checks."""
