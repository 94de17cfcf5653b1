"""Fonts to draw with: found, described, shaped with HarfBuzz, rasterized with FreeType.

In: folders of font files. Out: faces by script.
"""
