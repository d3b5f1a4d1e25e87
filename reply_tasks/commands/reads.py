"""Reading tasks for a command, with a client that is made at the first read, if there is one."""

from contextlib import ExitStack

import click

from reply_tasks.finding_dialect import client_of_reply
from reply_tasks.ledger import Entry, Ledger
from reply_tasks.quota.quota import Wait
from reply_tasks.resolving import ReadBack, ReadBackError, TaskReads
from reply_tasks.resolving.search import Search, look_for
from reply_tasks.settings import CommonSettings


class Reads:
    """Reads tasks of operations, one call each, in the shared quota.

    Args:
        ledger: Opened and held by this process.
        settings: Where Reply is, and who calls.
        stack: Closes the client.
        with_content: Whether to ask for the rendered text.
    """

    def __init__(
        self,
        ledger: Ledger,
        settings: CommonSettings,
        stack: ExitStack,
        *,
        with_content: bool = False,
    ) -> None:
        self._ledger = ledger
        self._settings = settings
        self._stack = stack
        self._with_content = with_content
        self._reads: TaskReads | None = None

    def read_back(self, entry: Entry) -> ReadBack:
        """Read the task of an operation.

        Raises:
            ReadBackError: There is no key, or Reply can't be asked.
        """
        return self._made().read_back(entry, with_content=self._with_content)

    def look_for(self, entry: Entry) -> Search:
        """Look for the task of a creation.

        Raises:
            ReadBackError: There is no key, or Reply can't be asked.
        """
        return look_for(self._made(), entry)

    def _made(self) -> TaskReads:
        if self._reads is None:
            self._reads = self._make()
        return self._reads

    def _make(self) -> TaskReads:
        if self._settings.api_key is None:
            raise ReadBackError(
                "To read a task back a key is needed: give --api-key, or set REPLY_TASKS_API_KEY."
            )
        client = self._stack.enter_context(
            client_of_reply(self._settings, self._ledger.engine, _tell_wait)
        )
        return TaskReads(
            ledger=self._ledger,
            client=client,
            settings=self._settings,
            on_wait=_tell_wait,
        )


def _tell_wait(wait: Wait) -> None:
    click.echo(f"Waiting {wait.seconds:.0f} s for the quota ({wait.why}).", err=True)
