"""The live process: streams of events, and requests that wait for a change."""
