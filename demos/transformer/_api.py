"""What programs can ask of the transformer tab."""

from demos.transformer import examples

ENDPOINTS = (examples.transformer_examples,)
