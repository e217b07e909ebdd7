"""What runs and watches the system: it may import every other app, and none imports it."""
