"""The caches: a request that was answered before, or is just being, is not computed anew."""

from lipiyana.cache.breaker import Attempt, BreakerState, CircuitBreaker, Ended
from lipiyana.cache.keys import KeyMaker, SharedKeyMaker
from lipiyana.cache.repeated_frames import RepeatedFrameReader, RepeatedFrames
from lipiyana.cache.sealing import Sealer
from lipiyana.cache.shared import LookUp, SharedCache, SharedCacheObserver, SharedCacheOptions
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
