"""The launcher's pure parts."""
