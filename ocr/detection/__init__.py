"""Where the lines of text are.

In: an RGB picture. Out: quadrilaterals (4, 2) in pixels, clockwise from the top left.
"""
