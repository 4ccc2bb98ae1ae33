"""Drives Locust as a child process and hands its reports on.

driver.py (the run's side) starts child.py, which imports Locust; they speak as wire.py says.
"""
