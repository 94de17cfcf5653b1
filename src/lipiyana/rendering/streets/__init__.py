"""Streets with signs and vehicles.

In: texts and plates. Out: a picture of a street with the position of every line and plate.
"""
