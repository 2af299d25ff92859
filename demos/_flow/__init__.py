"""Sample, a part of the flow tab that waits for a better Glow: no page loads the scripts of such a folder."""
