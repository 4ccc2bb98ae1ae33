"""The dashboards, one file each: BOARD makes it."""
