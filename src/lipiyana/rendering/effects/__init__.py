"""What a camera, light, weather and surfaces do to a picture.

In: an RGB picture. Out: one of the same size.
"""
