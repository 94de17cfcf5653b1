"""The RPCs: messages in, answers or statuses out.

In: serialized requests. Out: serialized responses, each from the cache or from the queue.
"""
