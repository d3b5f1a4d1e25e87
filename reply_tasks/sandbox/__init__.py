"""A local Reply API: the v3 task endpoints on loopback, where nothing is ever really sent."""

from reply_tasks.sandbox.assumptions import Assumptions
from reply_tasks.sandbox.calls import Call, Endpoint
from reply_tasks.sandbox.contacts import Contact
from reply_tasks.sandbox.effects import Effect, EffectKind
from reply_tasks.sandbox.faults import Fault, FaultKind, When
from reply_tasks.sandbox.identity import ALL_SCOPES, DEFAULT_API_KEY, Dialect, Key, User
from reply_tasks.sandbox.mailboxes import Mailbox
from reply_tasks.sandbox.seed import Mix
from reply_tasks.sandbox.server import SandboxServer
from reply_tasks.sandbox.store import Sent
from reply_tasks.sandbox.tasks import Task, TaskMembers, Template

__all__ = [
    "ALL_SCOPES",
    "DEFAULT_API_KEY",
    "Assumptions",
    "Call",
    "Contact",
    "Dialect",
    "Effect",
    "EffectKind",
    "Endpoint",
    "Fault",
    "FaultKind",
    "Key",
    "Mailbox",
    "Mix",
    "SandboxServer",
    "Sent",
    "Task",
    "TaskMembers",
    "Template",
    "User",
    "When",
]
