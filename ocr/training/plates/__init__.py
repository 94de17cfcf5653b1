"""Training data and training for plates: rows of real and rendered plates, colours, confidence.

In: crops with their registrations. Out: batches, the colour network, weights for `confidence`.
"""
