"""The models behind every tab, one package per technique, and what they share. Never imports gradio."""
