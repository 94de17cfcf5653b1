"""Converts values of `lipiyana.types` to protobuf messages and JSON, and back.

In: values or messages of `lipiyana.v1`. Out: the other of the two.
"""
