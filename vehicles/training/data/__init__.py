"""What the detector learns from: labelled and drawn streets, cut, pasted, relit.

In: folders of labelled pictures. Out: canvases with boxes and the classes labelled on each.
"""
