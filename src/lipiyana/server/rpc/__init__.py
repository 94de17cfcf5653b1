"""The RPCs: parse requests, answer from the cache or by the queue, serialize responses.

In: serialized requests. Out: serialized responses or statuses.
"""
