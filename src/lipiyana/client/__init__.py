"""The gRPC clients, synchronous and asyncio. They load neither ONNX Runtime, OpenCV nor numpy.

In: pictures. Out: `Recognition`, from a server.
"""

from lipiyana.client.asynchronous import AsyncClient
from lipiyana.client.synchronous import Client

__all__ = ["AsyncClient", "Client"]
