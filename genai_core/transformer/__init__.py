"""Transformers: attention from scratch, and its variants, one on a page."""
