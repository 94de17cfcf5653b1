"""Degradations by camera, light and weather, and textures of surfaces.

In: an RGB picture. Out: a degraded picture of the same size.
"""
