"""Finding: vehicles by regional type, and plates.

In: RGB pictures. Out: detections and tracks. No part imports `training`.
"""
