"""The models behind every tab, one technique per file, and what they share. Never imports gradio."""
