"""Lines of text: shaped, set, painted on a surface, seen by a camera.

In: a string and fonts. Out: a picture of the line as a text detector crops it.
"""
