"""Fine-tuning of the line reader on labelled lines or plates.

In: crops with their text. Out: a measured, registered INT8 model.
"""
