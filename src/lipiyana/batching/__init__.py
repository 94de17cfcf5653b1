"""Work of many callers on few threads: admitted, in fair turns, runs of one model together."""

from lipiyana.batching.admission import Admission, open_to_one
from lipiyana.batching.batcher import Batcher
from lipiyana.batching.fair_queue import FairQueue
from lipiyana.batching.sessions import BatchedSession, batched_sessions
from lipiyana.batching.sources import ANYONE, Kind, Source
from lipiyana.batching.work import Work, current_work, working

__all__ = [
    "ANYONE",
    "Admission",
    "BatchedSession",
    "Batcher",
    "FairQueue",
    "Kind",
    "Source",
    "Work",
    "batched_sessions",
    "current_work",
    "open_to_one",
    "working",
]
