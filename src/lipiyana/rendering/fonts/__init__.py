"""Fonts: finds font files, shapes text with HarfBuzz and rasterizes glyphs with FreeType.

In: folders of font files. Out: faces by script.
"""

from lipiyana.errors import MissingExtra

try:
    import freetype  # noqa: F401
    import uharfbuzz  # noqa: F401
except ModuleNotFoundError as error:
    raise MissingExtra.for_extra("render", "drawing text") from error
