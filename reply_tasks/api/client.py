"""The calls: one method an endpoint, each makes one HTTP request and returns its ``Answer``."""

from collections.abc import Callable, Sequence
from typing import TypedDict, Unpack
from urllib.parse import quote

from reply_tasks.api.answers import Answer
from reply_tasks.api.dialect import EnumForm
from reply_tasks.api.requesting import COMPRESSED, Requests
from reply_tasks.contract.records import Body


class Sending(TypedDict, total=False):
    """How a call that changes something is sent.

    Attributes:
        act_as_user_id: The Reply user to act as.
        before_first_byte: Called when the connection stands, right before the request leaves. What
            it raises comes through, and then nothing was sent.
        after_last_byte: Called when the whole request has left, before its answer is awaited.
    """

    act_as_user_id: int | None
    before_first_byte: Callable[[], object] | None
    after_last_byte: Callable[[], object] | None


class ReplyClient(Requests):
    """Reply's endpoints. Safe to share between threads; no method raises for wire trouble."""

    def update_task(self, task_id: int, body: Body, **sending: Unpack[Sending]) -> Answer:
        """Replace a task: ``PUT /v3/tasks/{id}``."""
        return self._call("PUT", f"{self._tasks}{task_id}", body, **sending)

    def execute_task(self, task_id: int, body: Body, **sending: Unpack[Sending]) -> Answer:
        """Execute a task, which sends its email or SMS: ``POST /v3/tasks/{id}/execute``."""
        return self._call("POST", f"{self._tasks}{task_id}/execute", body, **sending)

    def create_task(self, body: Body, **sending: Unpack[Sending]) -> Answer:
        """Make a task: ``POST /v3/tasks``."""
        return self._call("POST", f"{self._base}/tasks", body, **sending)

    def complete_task(self, task_id: int, body: Body, **sending: Unpack[Sending]) -> Answer:
        """Finish a task by hand: ``POST /v3/tasks/{id}/complete``."""
        return self._call("POST", f"{self._tasks}{task_id}/complete", body, **sending)

    def assign_task(self, task_id: int, user_id: int, **sending: Unpack[Sending]) -> Answer:
        """Hand a task to a user: ``PUT /v3/tasks/{id}/assigned-user``."""
        target = f"{self._tasks}{task_id}/assigned-user"
        return self._call("PUT", target, {"userId": user_id}, **sending)

    def delete_task(self, task_id: int, **sending: Unpack[Sending]) -> Answer:
        """Cancel or archive a task: ``DELETE /v3/tasks/{id}``."""
        return self._call("DELETE", f"{self._tasks}{task_id}", **sending)

    def complete_tasks(self, task_ids: Sequence[int], **sending: Unpack[Sending]) -> Answer:
        """Finish up to 100 tasks by hand: ``POST /v3/tasks/batch/complete``."""
        target = f"{self._tasks}batch/complete"
        return self._call("POST", target, {"ids": list(task_ids)}, **sending)

    def assign_tasks(
        self, task_ids: Sequence[int], user_id: int, **sending: Unpack[Sending]
    ) -> Answer:
        """Hand up to 100 tasks to a user: ``POST /v3/tasks/batch/assign``."""
        preview = self.know_form().enums is EnumForm.INTEGERS
        name = "assignedUserId" if preview else "userId"
        body = {"ids": list(task_ids), name: user_id}
        return self._call("POST", f"{self._tasks}batch/assign", body, **sending)

    def delete_tasks(self, task_ids: Sequence[int], **sending: Unpack[Sending]) -> Answer:
        """Cancel or archive up to 100 tasks: ``POST /v3/tasks/bulk-delete``."""
        target = f"{self._tasks}bulk-delete"
        return self._call("POST", target, {"ids": list(task_ids)}, **sending)

    def get_task(
        self, task_id: int, *, include_content: bool = False, act_as_user_id: int | None = None
    ) -> Answer:
        """Read a task: ``GET /v3/tasks/{id}``, with rendered content if asked for."""
        query = "?includeContent=true" if include_content else ""
        return self._call("GET", f"{self._tasks}{task_id}{query}", act_as_user_id=act_as_user_id)

    def list_tasks(self, top: int, skip: int, *, act_as_user_id: int | None = None) -> Answer:
        """One page of the visible tasks: ``GET /v3/tasks``."""
        target = f"{self._base}/tasks?top={top}&skip={skip}"
        answer = self._call("GET", target, act_as_user_id=act_as_user_id, coding=COMPRESSED)
        return self._seen_to_list(answer)

    def filter_tasks(
        self, body: Body, top: int, skip: int, *, act_as_user_id: int | None = None
    ) -> Answer:
        """One page of the tasks that ``body`` selects: ``POST /v3/tasks/filter``."""
        target = f"{self._tasks}filter?top={top}&skip={skip}"
        return self._call("POST", target, body, act_as_user_id=act_as_user_id, coding=COMPRESSED)

    def find_contacts(self, email: str, *, act_as_user_id: int | None = None) -> Answer:
        """The contacts of an address, and maybe of longer ones: ``GET /v3/contacts?email=…``."""
        target = f"{self._base}/contacts?email={quote(email, safe='')}&top=100&skip=0"
        return self._call("GET", target, act_as_user_id=act_as_user_id)

    def list_users(self, *, act_as_user_id: int | None = None) -> Answer:
        """The users of the team, all in one answer: ``GET /v3/whoami/team-users``."""
        return self._call("GET", f"{self._base}/whoami/team-users", act_as_user_id=act_as_user_id)

    def find_mailboxes(self, email: str, *, act_as_user_id: int | None = None) -> Answer:
        """The mailboxes of an address: ``POST /v3/email-accounts/filter``."""
        target = f"{self._base}/email-accounts/filter?top=25&skip=0"
        return self._call("POST", target, {"email": email}, act_as_user_id=act_as_user_id)

    def list_mailboxes(self, top: int, skip: int) -> Answer:
        """One page of the mailboxes: ``GET /v3/email-accounts``."""
        return self._call("GET", f"{self._base}/email-accounts?top={top}&skip={skip}")

    def whoami(self) -> Answer:
        """Whose key this is: ``GET /v3/whoami``."""
        return self._call("GET", f"{self._base}/whoami")
