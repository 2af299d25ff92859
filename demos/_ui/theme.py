"""Theme, style sheet and colours of every tab. A tab has no colours of its own."""

from pathlib import Path

import gradio as gr

# Okabe & Ito's eight colours and two more, in the fixed order of the classes of any data set.
CLASS_COLOURS = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
    "#B8A800",
    "#64748B",
    "#7C3AED",
    "#84522B",
)

THEME = gr.themes.Base(
    primary_hue=gr.themes.colors.indigo,
    neutral_hue=gr.themes.colors.slate,
    font=["system-ui", "-apple-system", "Segoe UI", "sans-serif"],
    font_mono=["ui-monospace", "Menlo", "monospace"],
).set(
    body_background_fill="*neutral_50",
    body_background_fill_dark="*neutral_950",
    block_background_fill="white",
    block_background_fill_dark="*neutral_900",
    block_shadow="none",
    block_border_width="0px",
    block_radius="12px",
    input_background_fill="white",
    input_border_width="1px",
    input_border_color="*neutral_200",
    input_border_color_dark="*neutral_700",
    input_background_fill_dark="*neutral_800",
    button_primary_background_fill="*primary_600",
    button_primary_background_fill_hover="*primary_700",
    button_primary_background_fill_dark="*primary_600",
    button_primary_background_fill_hover_dark="*primary_700",
    button_primary_text_color="white",
    body_text_color_subdued="*neutral_600",
    body_text_color_subdued_dark="*neutral_400",
    block_info_text_color="*neutral_600",
    block_info_text_color_dark="*neutral_400",
)

CSS = (Path(__file__).parent / "theme.css").read_text(encoding="utf-8")
