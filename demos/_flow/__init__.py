"""Match, a part of the flow tab whose models are not trained yet; with its underscore no page loads its script."""
