"""Notices when the pictures, or what the models make of them, differ from what they used to be.

In: pictures with their answers. Out: counts without pictures and plate text, and what has changed.
"""
