"""Calls of any transport: their start and end, their limits, and the reading of their pictures.

In: calls that `rpc` or `http` has received. Out: results, or errors that the transport sends.
"""
