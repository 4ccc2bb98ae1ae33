"""Where services keep what must not be lost: an interface for each kind of data, and adapters behind it."""
