"""What plate reading learns from: rows of real and drawn plates, colours, confidence.

In: crops with their registrations. Out: batches, weights for colours and for `confidence`.
"""
