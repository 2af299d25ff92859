"""Autoencoders: pictures, and what a network knows, through a bottleneck; one file for each kind.

`ae` is the plain one, and `principal` the linear one in closed form; `live` trains one while you watch.
"""
