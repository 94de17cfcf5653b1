"""Fonts: finds font files, shapes text with HarfBuzz and rasterizes glyphs with FreeType.

In: folders of font files. Out: faces by script.
"""
