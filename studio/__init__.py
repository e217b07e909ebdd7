"""The project: settings, wiring, and what every app shares."""

__version__ = "1.1.0"  # the product's version; CHANGELOG.md lists the changes of each
