"""Work that waits for a thread: admitted within bounds, taken in fair turns.

In: jobs of callers. Out: their results, or `Overloaded` with the time to wait.
"""
