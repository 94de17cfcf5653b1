"""Loads pictures: a file, encoded bytes or raw pixels become one RGB array, or a typed error.

In: untrusted bytes. Out: an upright RGB array (height, width, 3) of uint8. Memory and CPU time are
bounded.
"""
