"""Causes each fault in a running deployment, and waits for its alert in a real Prometheus."""
