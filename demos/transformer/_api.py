"""What programs can ask of the transformer tab."""

from demos.transformer import positions

ENDPOINTS = (positions.transformer_positions,)
