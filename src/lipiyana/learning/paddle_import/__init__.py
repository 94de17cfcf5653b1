"""Imports PaddleOCR recognition and detection models, checks them and registers them.

Paddle runs in its own interpreter (`convert_script.py`), because its pinned dependencies conflict
with those of this project.
"""
