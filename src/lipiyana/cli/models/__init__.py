"""`lipiyana models`: list, verify, time, quantize, prune, distill and import models.

In: a folder of models. Out: the same folder with one model more, or a table.
"""
