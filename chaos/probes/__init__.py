"""Probes: one file each, the kind is the file name. Each measures one SLI."""
