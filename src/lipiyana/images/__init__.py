"""Loads pictures: a file, encoded bytes or raw pixels become one RGB array, or a typed error.

In: untrusted bytes. Out: (height, width, 3) uint8, RGB, upright, in bounded memory and time.
"""
