"""The gRPC client, synchronous and asyncio. It loads neither onnxruntime, nor OpenCV, nor numpy."""

from lipiyana.client.asynchronous import AsyncClient
from lipiyana.client.synchronous import Client

__all__ = ["AsyncClient", "Client"]
