"""The back office of video jobs and of the catalogue."""
