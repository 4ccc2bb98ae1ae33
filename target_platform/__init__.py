"""A streaming platform in the shape of the large public ones, small enough for one machine and real enough to break."""
