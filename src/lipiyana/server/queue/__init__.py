"""The queue of pictures: bounded admission, fair turns, and the threads that compute.

In: jobs of callers. Out: their results, or `Overloaded` with the back-off.
"""
