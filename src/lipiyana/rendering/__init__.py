"""Draws pictures to learn from: text, plates, streets, in every script. Needs `render`.

In: a random generator and fonts. Out: RGB pictures with the place and text of every line.
"""
