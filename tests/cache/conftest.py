from __future__ import annotations

from redis_server import redis_server
from served_fixtures import fake

__all__ = ["fake", "redis_server"]
