"""Draws results on copies of their pictures: outlines and labels, with text in its own script.

In: an RGB picture (height, width, 3) and a `Recognition`. Out: an RGB picture. Labels are drawn
with the fonts of this system.
"""

from lipiyana.annotation.drawing import draw
from lipiyana.annotation.fonts import FONTS_VARIABLE, drawable_scripts, font_folders, font_for

__all__ = ["FONTS_VARIABLE", "draw", "drawable_scripts", "font_folders", "font_for"]
