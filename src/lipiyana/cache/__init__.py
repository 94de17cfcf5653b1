"""The caches: equal requests are computed once.

In: a request and its config. Out: an answer that was computed before or is being computed.
Needs the extra `server`.
"""

from lipiyana.errors import MissingExtra

try:
    import cachetools  # noqa: F401
    import xxhash  # noqa: F401
except ModuleNotFoundError as error:
    raise MissingExtra.for_extra("server", "the cache") from error

from lipiyana.cache.breaker import Attempt, BreakerState, CircuitBreaker, Ended
from lipiyana.cache.keys import KeyMaker, SharedKeyMaker
from lipiyana.cache.repeated_frames import RepeatedFrameReader, RepeatedFrames
from lipiyana.cache.shared import (
    LookUp,
    Sealer,
    SharedCache,
    SharedCacheObserver,
    SharedCacheOptions,
)
from lipiyana.cache.single_flight import Flight, SingleFlight
from lipiyana.cache.store import MemoryCache, ResultCache, cacheable

__all__ = [
    "Attempt",
    "BreakerState",
    "CircuitBreaker",
    "Ended",
    "Flight",
    "KeyMaker",
    "LookUp",
    "MemoryCache",
    "RepeatedFrameReader",
    "RepeatedFrames",
    "ResultCache",
    "Sealer",
    "SharedCache",
    "SharedCacheObserver",
    "SharedCacheOptions",
    "SharedKeyMaker",
    "SingleFlight",
    "cacheable",
]
