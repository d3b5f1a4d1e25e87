"""The contract: what a record may be, what Reply returns, and the words for both."""

from reply_tasks.contract.detail import TaskDetail, detail_schema, merge, read_task_detail
from reply_tasks.contract.enums import (
    EXECUTABLE,
    CreationSource,
    LinkedInTaskType,
    ReplyEnum,
    TaskStatus,
    TaskType,
)
from reply_tasks.contract.members import nearest_member
from reply_tasks.contract.modes import MergeNulls, UpdateMode
from reply_tasks.contract.outcomes import Operation, Outcome, Reason
from reply_tasks.contract.read import ReadRecord, read_record
from reply_tasks.contract.records import Body, InvalidRecord, TaskRecord, Violation, body_hash
from reply_tasks.contract.schemas import schema
from reply_tasks.contract.validate import violations_of_update

__all__ = [
    "EXECUTABLE",
    "Body",
    "CreationSource",
    "InvalidRecord",
    "LinkedInTaskType",
    "MergeNulls",
    "Operation",
    "Outcome",
    "ReadRecord",
    "Reason",
    "ReplyEnum",
    "TaskDetail",
    "TaskRecord",
    "TaskStatus",
    "TaskType",
    "UpdateMode",
    "Violation",
    "body_hash",
    "detail_schema",
    "merge",
    "nearest_member",
    "read_record",
    "read_task_detail",
    "schema",
    "violations_of_update",
]
