"""Faults: one file each, the kind is the file name. Each breaks one target and knows from data how to undo it.

A fault needs a capability of the environment, not a place. Its class is the file's name in CamelCase; its fields are
its parameters, and its docstring is what the catalogue prints.
"""
