"""The line reader's network, its data, its training and its export.

In: real and rendered lines. Out: a float model and its INT8 twin. Needs the extra `train`.
"""
