"""The calls: one method an endpoint, each makes one HTTP request and returns its ``Answer``."""

from collections.abc import Callable, Sequence
from urllib.parse import quote

from reply_tasks.api.answers import Answer
from reply_tasks.api.dialect import EnumForm
from reply_tasks.api.requesting import COMPRESSED, Requests
from reply_tasks.contract.records import Body


class ReplyClient(Requests):
    """Reply's endpoints. Safe to share between threads; no method raises for wire trouble."""

    def update_task(
        self,
        task_id: int,
        body: Body,
        *,
        act_as_user_id: int | None = None,
        after_last_byte: Callable[[], object] | None = None,
    ) -> Answer:
        """Replace a task: ``PUT /v3/tasks/{id}``. The arguments are those of ``execute_task``."""
        target = f"{self._tasks}{task_id}"
        return self._call("PUT", target, body, user=act_as_user_id, after_last_byte=after_last_byte)

    def execute_task(
        self,
        task_id: int,
        body: Body,
        *,
        act_as_user_id: int | None = None,
        before_first_byte: Callable[[], object] | None = None,
        after_last_byte: Callable[[], object] | None = None,
    ) -> Answer:
        """Execute a task, which sends its email or SMS: ``POST /v3/tasks/{id}/execute``.

        Args:
            task_id: The task.
            body: What it is executed with.
            act_as_user_id: The Reply user to act as.
            before_first_byte: Called when the connection stands, right before the request leaves.
                What it raises comes through, and then nothing was sent.
            after_last_byte: Called when the whole request has left, before its answer is awaited.
        """
        return self._call(
            "POST",
            f"{self._tasks}{task_id}/execute",
            body,
            user=act_as_user_id,
            before_first_byte=before_first_byte,
            after_last_byte=after_last_byte,
        )

    def create_task(
        self,
        body: Body,
        *,
        act_as_user_id: int | None = None,
        before_first_byte: Callable[[], object] | None = None,
        after_last_byte: Callable[[], object] | None = None,
    ) -> Answer:
        """Make a task: ``POST /v3/tasks``. The arguments are those of ``execute_task``."""
        return self._call(
            "POST",
            f"{self._base}/tasks",
            body,
            user=act_as_user_id,
            before_first_byte=before_first_byte,
            after_last_byte=after_last_byte,
        )

    def complete_task(
        self,
        task_id: int,
        body: Body,
        *,
        act_as_user_id: int | None = None,
        before_first_byte: Callable[[], object] | None = None,
        after_last_byte: Callable[[], object] | None = None,
    ) -> Answer:
        """Finish a task by hand: ``POST /v3/tasks/{id}/complete``."""
        return self._call(
            "POST",
            f"{self._tasks}{task_id}/complete",
            body,
            user=act_as_user_id,
            before_first_byte=before_first_byte,
            after_last_byte=after_last_byte,
        )

    def assign_task(
        self,
        task_id: int,
        user_id: int,
        *,
        act_as_user_id: int | None = None,
        after_last_byte: Callable[[], object] | None = None,
    ) -> Answer:
        """Hand a task to a user: ``PUT /v3/tasks/{id}/assigned-user``."""
        return self._call(
            "PUT",
            f"{self._tasks}{task_id}/assigned-user",
            {"userId": user_id},
            user=act_as_user_id,
            after_last_byte=after_last_byte,
        )

    def delete_task(
        self,
        task_id: int,
        *,
        act_as_user_id: int | None = None,
        before_first_byte: Callable[[], object] | None = None,
        after_last_byte: Callable[[], object] | None = None,
    ) -> Answer:
        """Cancel or archive a task: ``DELETE /v3/tasks/{id}``."""
        return self._call(
            "DELETE",
            f"{self._tasks}{task_id}",
            user=act_as_user_id,
            before_first_byte=before_first_byte,
            after_last_byte=after_last_byte,
        )

    def complete_tasks(
        self,
        task_ids: Sequence[int],
        *,
        act_as_user_id: int | None = None,
        before_first_byte: Callable[[], object] | None = None,
        after_last_byte: Callable[[], object] | None = None,
    ) -> Answer:
        """Finish up to 100 tasks by hand: ``POST /v3/tasks/batch/complete``."""
        return self._call(
            "POST",
            f"{self._tasks}batch/complete",
            {"ids": list(task_ids)},
            user=act_as_user_id,
            before_first_byte=before_first_byte,
            after_last_byte=after_last_byte,
        )

    def assign_tasks(
        self,
        task_ids: Sequence[int],
        user_id: int,
        *,
        act_as_user_id: int | None = None,
        after_last_byte: Callable[[], object] | None = None,
    ) -> Answer:
        """Hand up to 100 tasks to a user: ``POST /v3/tasks/batch/assign``."""
        preview = self.know_form().enums is EnumForm.INTEGERS
        name = "assignedUserId" if preview else "userId"
        return self._call(
            "POST",
            f"{self._tasks}batch/assign",
            {"ids": list(task_ids), name: user_id},
            user=act_as_user_id,
            after_last_byte=after_last_byte,
        )

    def delete_tasks(
        self,
        task_ids: Sequence[int],
        *,
        act_as_user_id: int | None = None,
        before_first_byte: Callable[[], object] | None = None,
        after_last_byte: Callable[[], object] | None = None,
    ) -> Answer:
        """Cancel or archive up to 100 tasks: ``POST /v3/tasks/bulk-delete``."""
        return self._call(
            "POST",
            f"{self._tasks}bulk-delete",
            {"ids": list(task_ids)},
            user=act_as_user_id,
            before_first_byte=before_first_byte,
            after_last_byte=after_last_byte,
        )

    def get_task(
        self, task_id: int, *, include_content: bool = False, act_as_user_id: int | None = None
    ) -> Answer:
        """Read a task: ``GET /v3/tasks/{id}``, with rendered content if asked for."""
        query = "?includeContent=true" if include_content else ""
        return self._call("GET", f"{self._tasks}{task_id}{query}", user=act_as_user_id)

    def list_tasks(self, top: int, skip: int, *, act_as_user_id: int | None = None) -> Answer:
        """One page of the visible tasks: ``GET /v3/tasks``."""
        target = f"{self._base}/tasks?top={top}&skip={skip}"
        answer = self._call("GET", target, user=act_as_user_id, coding=COMPRESSED)
        return self._seen_to_list(answer)

    def filter_tasks(
        self, body: Body, top: int, skip: int, *, act_as_user_id: int | None = None
    ) -> Answer:
        """One page of the tasks that ``body`` selects: ``POST /v3/tasks/filter``."""
        target = f"{self._tasks}filter?top={top}&skip={skip}"
        return self._call("POST", target, body, user=act_as_user_id, coding=COMPRESSED)

    def find_contacts(self, email: str, *, act_as_user_id: int | None = None) -> Answer:
        """The contacts of an address, and maybe of longer ones: ``GET /v3/contacts?email=…``."""
        target = f"{self._base}/contacts?email={quote(email, safe='')}&top=100&skip=0"
        return self._call("GET", target, user=act_as_user_id)

    def list_users(self, *, act_as_user_id: int | None = None) -> Answer:
        """The users of the team, all in one answer: ``GET /v3/whoami/team-users``."""
        return self._call("GET", f"{self._base}/whoami/team-users", user=act_as_user_id)

    def find_mailboxes(self, email: str, *, act_as_user_id: int | None = None) -> Answer:
        """The mailboxes of an address: ``POST /v3/email-accounts/filter``."""
        target = f"{self._base}/email-accounts/filter?top=25&skip=0"
        return self._call("POST", target, {"email": email}, user=act_as_user_id)

    def list_mailboxes(self, top: int, skip: int) -> Answer:
        """One page of the mailboxes: ``GET /v3/email-accounts``."""
        return self._call("GET", f"{self._base}/email-accounts?top={top}&skip={skip}")

    def whoami(self) -> Answer:
        """Whose key this is: ``GET /v3/whoami``."""
        return self._call("GET", f"{self._base}/whoami")
