"""Registration plates: layout, paint, fittings, wear.

In: a registration. Out: a picture of its plate with the place of each row.
"""
