"""Training of the detector: its network, training loop, score calibration and export.

In: labelled pictures. Out: a float model and its INT8 twin. Needs the extra `train`.
"""
