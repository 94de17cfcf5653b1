"""Vehicles from frame to frame.

In: detections of each frame. Out: the same detections with track numbers.
"""
