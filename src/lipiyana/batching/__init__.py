"""Joins runs of one model that wait at the same time; drops runs that nobody waits for.

In: tensors of several threads for one model. Out: to each thread the outputs of its own.
"""

from lipiyana.batching.batcher import BatchedSession, Batcher, batched_sessions
from lipiyana.batching.work import Work, current_work, working

__all__ = ["BatchedSession", "Batcher", "Work", "batched_sessions", "current_work", "working"]
