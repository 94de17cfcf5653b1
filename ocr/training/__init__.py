"""Training of the line reader: its network, data, training loop and export.

In: real and rendered lines. Out: a float model and its INT8 twin. Needs the extra `train`.
"""
