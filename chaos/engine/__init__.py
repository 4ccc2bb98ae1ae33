"""The only loop: executes a plan against an environment and leaves a journal.

Reading order: plan, run, timeline, inject, watch, rollback, guardian, lease.
"""
