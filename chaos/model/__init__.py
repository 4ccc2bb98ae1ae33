"""The nouns: frozen values and protocols. Imports nothing else of chaos.

Values that are written to disk are msgspec Structs, so that a journal line read back has the type
it was written with; what a plug-in must offer is a Protocol.
"""
