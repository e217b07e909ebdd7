"""Video generation jobs."""
