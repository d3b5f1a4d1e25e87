"""Resolving: what dead processes and lost answers left open is settled by reading back.

Nothing is ever sent, and a claim of a live process is never touched. In order: ``read_back`` (one
look at a task), ``search`` (one look for a task that was created), ``judging`` (what they mean),
``resolver`` (what is settled).
"""

from reply_tasks.resolving.chosen import ResolveError, find_operation
from reply_tasks.resolving.judging import SHOWN_ID, OperatorVerdict
from reply_tasks.resolving.read_back import ReadBack, ReadBackError, TaskReads
from reply_tasks.resolving.resolver import Fate, OpenAs, Resolver

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
