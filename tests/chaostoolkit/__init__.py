"""Chaos Toolkit experiments: read, run, and compared with what the original answers."""
