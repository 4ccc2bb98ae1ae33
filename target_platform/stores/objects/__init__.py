"""Objects: bytes under a key, written once and read often. The interface, an embedded adapter on disk, one for S3."""
