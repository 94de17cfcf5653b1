"""Crops of lines to text.

In: RGB crops of one line each. Out: a `LineReading` each, with a confidence for each character.
"""
