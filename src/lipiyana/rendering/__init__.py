"""Draws training pictures of text, plates and streets in every script. Needs the `render` extra.

In: a random generator and fonts. Out: RGB pictures with the position and text of every line.
"""
