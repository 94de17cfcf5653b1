"""A whole picture: vehicles, plates and lines of text, and what belongs together.

In: an RGB picture and the engines. Out: vehicles, plates and text lines as `lipiyana.types`.
"""
