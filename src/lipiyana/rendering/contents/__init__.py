"""Random texts of signs and plates.

In: word lists and tables. Out: strings, each with its script.
"""
