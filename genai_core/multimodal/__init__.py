"""From words to pictures of the world of scenes, and back."""
