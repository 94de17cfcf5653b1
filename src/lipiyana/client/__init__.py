"""The gRPC clients, synchronous and asyncio. They import neither ONNX Runtime, OpenCV nor numpy.

In: pictures. Out: the server's `Recognition` of each.
"""

from lipiyana.client.asynchronous import AsyncClient
from lipiyana.client.synchronous import Client

__all__ = ["AsyncClient", "Client"]
