"""Parts of the flow tab that wait for models: Match and Sample. With the folder's underscore no page loads their scripts."""
