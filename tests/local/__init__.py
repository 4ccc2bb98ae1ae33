"""Real processes and real sockets on this machine."""
