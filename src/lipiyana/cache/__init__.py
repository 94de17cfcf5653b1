"""The exact cache: a request that was answered before, or is just being, is not computed anew."""

from lipiyana.cache.keys import KeyMaker
from lipiyana.cache.single_flight import Flight, SingleFlight
from lipiyana.cache.store import MemoryCache, ResultCache, cacheable

__all__ = ["Flight", "KeyMaker", "MemoryCache", "ResultCache", "SingleFlight", "cacheable"]
