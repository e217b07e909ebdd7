"""What the product suffers besides a death at a point: frozen processes, outages, restarts, rivals."""
