"""`lipiyana read`: pictures in, one row a picture out.

In: files and folders. Out: JSON Lines or CSV, in the order of the inputs.
"""
