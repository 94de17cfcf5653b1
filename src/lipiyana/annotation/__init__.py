"""Draws results on copies of their pictures.

In: an RGB picture (height, width, 3) and a `Recognition`. Out: an RGB picture of the same size.
"""
