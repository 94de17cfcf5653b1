"""`lipiyana models`: list, verify, time, quantize, prune, distill, import and export models.

In: installed models. Out: a table, or a folder with a new model.
"""
