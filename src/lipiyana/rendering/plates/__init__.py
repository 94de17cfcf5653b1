"""Registration plates: layout, paint, fittings, wear.

In: a registration. Out: a picture of its plate with the position of each row.
"""
