"""Flows of points in the plane, small enough to be trained live: layers that are inverted, ODEs that are integrated."""
