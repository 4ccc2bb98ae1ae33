"""Faults that only a Kubernetes cluster knows. Their kind is written `kubernetes/FILE`."""
