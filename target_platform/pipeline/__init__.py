"""From a master file to a published title: inspected, split, encoded by several workers, packaged, published.

`python -m target_platform.pipeline ingest FILE --title T --store DIR` does all of it; docs/explanation/pipeline.md says
how.
"""
