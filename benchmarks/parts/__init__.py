"""The parts of `make bench`: each has `run(report)`, and runs in its own process."""
