"""`lipiyana read`: writes one row for each picture.

In: files and folders. Out: JSON Lines or CSV, in the order of the inputs.
"""
