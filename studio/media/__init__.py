"""Images and stored files."""
