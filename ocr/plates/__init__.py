"""A plate: from its crop to rows, from rows to the likeliest registration.

In: an RGB crop or rows that were read. Out: a `PlateReading`.
"""
