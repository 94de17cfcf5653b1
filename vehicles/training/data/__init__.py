"""Training data of the detector: labelled and rendered streets, and their augmentation.

In: folders of labelled pictures. Out: canvases with boxes and the classes labelled on each.
"""
