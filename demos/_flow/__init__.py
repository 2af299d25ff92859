"""Match and Sample, parts of the flow tab that wait for models: no page loads the scripts of such a folder."""
