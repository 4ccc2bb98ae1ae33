"""Runs a topology as operating system processes, supervised as a kubelet does."""
