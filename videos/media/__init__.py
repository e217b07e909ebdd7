"""Video files: their structure and their posters."""
