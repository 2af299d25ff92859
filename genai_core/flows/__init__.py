"""Flows: a smooth map between noise and data, as layers that can be inverted or as an ODE that can be integrated."""
