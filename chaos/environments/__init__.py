"""Environments: where the system under test runs. A module or package each, with `open_environment(ref)`."""
