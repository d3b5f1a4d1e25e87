"""Resolving: what dead processes and lost answers left open is settled by reading back (spec 5).

Nothing is ever sent, and a claim of a live process is never touched. In order: ``reading``
(one look at a task), ``judging`` (what it means), ``resolver`` (what is settled).
"""

from reply_tasks.resolving.judging import SHOWN_ID, Word
from reply_tasks.resolving.reading import Look, ReadBackError, TaskReads
from reply_tasks.resolving.resolver import Fate, ResolveError, Resolver, Was, find_operation

__all__ = [
    "SHOWN_ID",
    "Fate",
    "Look",
    "ReadBackError",
    "ResolveError",
    "Resolver",
    "TaskReads",
    "Was",
    "Word",
    "find_operation",
]
