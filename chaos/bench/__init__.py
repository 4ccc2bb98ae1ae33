"""How often the tool's answer is right, measured: known weaknesses are put in, and what it says is counted.

cases.py says what is run, runner.py runs it, results.py keeps it, detection.py counts, tables.py writes it down.
"""
