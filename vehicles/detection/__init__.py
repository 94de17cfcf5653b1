"""Where vehicles and plates are, and of which class.

In: an RGB picture. Out: detections with class, confidence and box in pixels.
"""
