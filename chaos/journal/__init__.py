"""The append-only record of a run: write, read, and where runs are kept."""
