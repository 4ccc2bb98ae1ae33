"""Faults that need what only processes on this machine have."""
