"""PaddleOCR's models, recognition and detection, as checked and registered models of this project.

Paddle itself runs in an interpreter of its own (`convert_script.py`), for its pins do not go
together with those of this project.
"""
