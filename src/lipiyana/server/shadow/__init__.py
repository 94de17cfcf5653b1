"""Shadow mode: other models read a share of the pictures, answer nothing, and are compared.

In: pictures and the answers that were given. Out: counts of what differs, without any text.
"""
