"""Models that run on another server, over the Open Inference Protocol (KServe's version 2, gRPC).

In: the entries of a `ModelStore`, and tensors. Out: sessions whose runs another server computes; a
repository of the same models for such a server.
"""
