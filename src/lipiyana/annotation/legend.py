"""The strip below a picture that explains the numbers of labels without room."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image

from lipiyana.annotation.labels import Label
from lipiyana.annotation.settings import Colour, DrawingSettings

Entry = tuple[str, Colour]


def with_legend(
    canvas: Image.Image, entries: Sequence[Entry], font: int, settings: DrawingSettings
) -> Image.Image:
    """Add a strip with the entries, in as many columns as fit.

    Where the strip would be too high, its last entry says how many are left out. A picture that
    is too narrow for an entry gets no strip.

    Args:
        canvas: the picture.
        entries: text and colour of each.
        font: size in pixels.
        settings: tuned constants.
    """
    if not entries or canvas.width < settings.legend_least * font:
        return canvas
    labels = [Label(text, canvas.width, settings) for text, _ in entries]
    sizes = [label.size(font) for label in labels]
    gap = max(1, font // 4)
    width = max(width for width, _ in sizes) + gap
    height = max(height for _, height in sizes) + gap
    columns = max(1, canvas.width // width)
    rows = max(
        1, min(-(-len(entries) // columns), int(settings.legend_share * canvas.height / height))
    )
    shown = list(zip(labels, sizes, (colour for _, colour in entries), strict=True))
    if len(shown) > rows * columns:
        left_out = Label(f"and {len(shown) - rows * columns + 1} more", canvas.width, settings)
        shown[rows * columns - 1 :] = [(left_out, left_out.size(font), settings.text)]
    strip = Image.new("RGB", (canvas.width, canvas.height + rows * height + gap), "white")
    strip.paste(canvas)
    for index, (label, (wide, high), colour) in enumerate(shown):
        left = (index // rows) * width
        top = canvas.height + gap + (index % rows) * height
        label.paint(strip, (left, top, left + wide, top + high), font, colour)
    return strip
