"""A queue of jobs for workers: the interface, an embedded adapter in SQLite, one for NATS JetStream."""
