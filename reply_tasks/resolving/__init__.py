"""Resolving: what dead processes and lost answers left open is settled by reading back.

Nothing is ever sent, and a claim of a live process is never touched. In order: ``reading``
(one look at a task), ``judging`` (what it means), ``resolver`` (what is settled).
"""

from reply_tasks.resolving.judging import SHOWN_ID, OperatorVerdict
from reply_tasks.resolving.read_back import ReadBack, ReadBackError, TaskReads
from reply_tasks.resolving.resolver import Fate, OpenAs, ResolveError, Resolver, find_operation

__all__ = [
    "SHOWN_ID",
    "Fate",
    "OpenAs",
    "OperatorVerdict",
    "ReadBack",
    "ReadBackError",
    "ResolveError",
    "Resolver",
    "TaskReads",
    "find_operation",
]
