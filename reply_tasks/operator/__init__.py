"""What an operator asks of the ledger: values in, frozen values out, nothing printed or written.

The commands, the console and its report all ask here, so that they say the same.
"""

from reply_tasks.operator.deliveries import Delivered, DeliveryAnswer
from reply_tasks.operator.history import History, KeyKind, TaskHistory, history, task_history
from reply_tasks.operator.overview import Overview, overview
from reply_tasks.operator.quotas import UserQuota, WhoseQuota, quota_left
from reply_tasks.operator.rejections import HINTS, RejectionFilter, rejected_by_reason, rejections
from reply_tasks.operator.rows import Message, OperationRow, Recipient
from reply_tasks.operator.runs import (
    Period,
    RunState,
    RunSummary,
    last_ended_run,
    last_runs,
    outcomes_over_time,
    runs_named,
)
from reply_tasks.operator.waiting import (
    AllWaiting,
    Waiting,
    all_waiting,
    claimed_operations,
    held_operations,
    recipients,
    uncertain_operations,
)

__all__ = [
    "HINTS",
    "AllWaiting",
    "Delivered",
    "DeliveryAnswer",
    "History",
    "KeyKind",
    "Message",
    "OperationRow",
    "Overview",
    "Period",
    "Recipient",
    "RejectionFilter",
    "RunState",
    "RunSummary",
    "TaskHistory",
    "UserQuota",
    "Waiting",
    "WhoseQuota",
    "all_waiting",
    "claimed_operations",
    "held_operations",
    "history",
    "last_ended_run",
    "last_runs",
    "outcomes_over_time",
    "overview",
    "quota_left",
    "recipients",
    "rejected_by_reason",
    "rejections",
    "runs_named",
    "task_history",
    "uncertain_operations",
]
