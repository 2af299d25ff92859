"""Sample, a part of the flow tab that waits for Glow: no page loads the scripts of such a folder."""
