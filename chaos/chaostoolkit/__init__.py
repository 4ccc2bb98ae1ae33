"""Running Chaos Toolkit experiments (docs/decisions/ says why they have a runner of their own).

values.py      configuration, secrets and ${name}; vault.py asks a Vault for secrets
redact.py      no secret leaves the process in any text
child.py       the process that an activity is called in; calls.py is our end of it
tolerance.py   is a value within its tolerance?
hypothesis.py  looking at the steady state: before, while the method runs, after
controls.py    the user's code around all of it
run.py         one run; its journal is like any other's
guardian.py    rolls back when the run's process dies; rollback.py does so when somebody asks
conduct.py     from file to verdict
strict.py      the exit code that the original would have had
"""
