"""One guardrail a file. A field named `objective` must name an objective of the experiment, and one whose annotation
carries Meta(extra={"unit": "objective"}) is written in the unit of what that objective measures.
"""
