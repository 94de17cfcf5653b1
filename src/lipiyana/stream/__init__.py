"""Frames of one camera: the newest frame first, tracks of vehicles, votes on plates.

In: frames and their results. Out: results with track numbers, and plates as most frames say.
"""
