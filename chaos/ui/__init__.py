"""Live views: readers of a journal, like the reports, while it grows or again at another speed."""
