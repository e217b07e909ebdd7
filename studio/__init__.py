"""The project: settings, wiring, and what every app shares."""
