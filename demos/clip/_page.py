"""What a part of the CLIP tab saves: pictures with texts beside them, as a white page."""

from PIL import Image

from demos import _pictures

INK, SOFT, GOOD, BAD = "#0f172a", "#475569", "#059669", "#dc2626"  # of the light page
SIDE = 160  # of a picture


def page(rows: list[tuple[Image.Image, list[tuple[str, str]]]], width: int = 900) -> Image.Image:
    """Rows of a picture and texts in their inks, one below the other."""
    made = []
    for picture, parts in rows:
        text = _pictures.of_text(parts, width - SIDE - 36)
        row = Image.new("RGB", (width, max(SIDE + 48, text.height)), "white")
        row.paste(picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC), (36, 24))
        row.paste(text, (SIDE + 36, 0))
        made.append(row)
    sheet = Image.new("RGB", (width, sum(row.height for row in made)), "white")
    top = 0
    for row in made:
        sheet.paste(row, (0, top))
        top += row.height
    return sheet
