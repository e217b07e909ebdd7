"""The crash suite: real processes, killed at every statement and call of a job's life. See README.md."""
