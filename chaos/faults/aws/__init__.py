"""Faults that only an AWS account knows. Their kind is written `aws/FILE`."""
