"""The gRPC client, synchronous and asyncio."""
