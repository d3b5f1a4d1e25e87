"""The sandbox as a server on loopback, and everything a test wants to see or set in it."""

import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from threading import Event, Lock, Thread
from time import monotonic, sleep, time
from typing import Self, Unpack

from reply_tasks.sandbox import control
from reply_tasks.sandbox.account import Account
from reply_tasks.sandbox.api import Api
from reply_tasks.sandbox.assumptions import Assumptions
from reply_tasks.sandbox.calls import Call, CallLog, Endpoint
from reply_tasks.sandbox.connection import Connection
from reply_tasks.sandbox.contacts import Contact, ContactMembers, Contacts
from reply_tasks.sandbox.effects import Effect, EffectKind
from reply_tasks.sandbox.faults import Fault, FaultKind, FaultOptions, Faults
from reply_tasks.sandbox.identity import DEFAULT_API_KEY, Dialect, Key, Keys, User
from reply_tasks.sandbox.limits import HOURLY, MINUTELY, Limits
from reply_tasks.sandbox.mailboxes import Mailbox, Mailboxes, MailboxMembers, mailboxes_of
from reply_tasks.sandbox.seed import make_tasks
from reply_tasks.sandbox.store import Sent, Store
from reply_tasks.sandbox.tasks import Task, TaskMembers

LOOPBACK = "127.0.0.1"
_POLL_SECONDS = 0.01


class SandboxServer:
    """A Reply API on loopback; a context manager that serves from enter to exit."""

    def __init__(  # noqa: PLR0913 - each one a setting with a default
        self,
        *,
        port: int = 0,
        tasks: int | Iterable[Task] = 0,
        seed: int = 0,
        keys: Mapping[str, Key | Sequence[User]] | None = None,
        requests_per_minute: int | None = MINUTELY,
        requests_per_hour: int | None = HOURLY,
        latency: float = 0.0,
        dialect: Dialect | None = None,
        body_of_401: bool = True,
        idle_seconds: float | None = None,
        contacts: Iterable[Contact] = (),
        mailboxes: Iterable[Mailbox] | None = None,
        in_organization: bool = True,
        assumed: Assumptions | None = None,
        clock: Callable[[], float] = time,
    ) -> None:
        self.store = Store(make_tasks(tasks, seed) if isinstance(tasks, int) else tasks)
        assumed = assumed or Assumptions()
        self.limits = Limits(requests_per_minute, requests_per_hour, clock, assumed)
        self.faults = Faults()
        self._log = CallLog()
        owner = User(1, "owner@example.com")
        known = Keys(keys or {DEFAULT_API_KEY: [owner]}, dialect=dialect, body_of_401=body_of_401)
        self._account = Account(
            store=self.store,
            contacts=Contacts(contacts),
            mailboxes=Mailboxes(mailboxes_of(known.users) if mailboxes is None else mailboxes),
            users=known.users,
            in_organization=in_organization,
            assumed=assumed,
        )
        self._api = Api(
            account=self._account,
            keys=known,
            limits=self.limits,
            faults=self.faults,
            log=self._log,
            clock=clock,
            latency=latency,
        )
        self._port = port
        self._idle_seconds = idle_seconds
        self._stopping = Event()
        self._listener: socket.socket | None = None
        self._acceptor: Thread | None = None
        self._lock = Lock()
        self._connections: dict[int, Connection] = {}
        self._accepted = 0

    @property
    def port(self) -> int:
        """The port it listens on; kept when it is stopped and started again."""
        return self._port

    @property
    def root(self) -> str:
        """The address that ``/v3`` and ``/_sandbox`` are under."""
        return f"http://{LOOPBACK}:{self._port}"

    @property
    def url(self) -> str:
        """The ``api_url`` to give to a client."""
        return f"{self.root}/v3"

    @property
    def assumed(self) -> Assumptions:
        """What is assumed of Reply where no source says what it does."""
        return self._account.assumed

    @property
    def outbox(self) -> list[Sent]:
        """Everything that was sent, in order."""
        return self.store.outbox

    @property
    def effects(self) -> list[Effect]:
        """Every task created, completed, assigned or deleted, and contact moved on, in order."""
        return self.store.effects

    def effects_of(self, kind: EffectKind, task_id: int | None = None) -> list[Effect]:
        """The effects of one kind, and on one task if given."""
        return [
            effect
            for effect in self.effects
            if effect.kind is kind and task_id in {None, effect.task.id}
        ]

    @property
    def calls(self) -> list[Call]:
        """Every API call that arrived, in order."""
        return self._log.snapshot()

    def calls_of(self, endpoint: Endpoint, task_id: int | None = None) -> list[Call]:
        """The calls of one endpoint, and of one task if given."""
        return [
            call
            for call in self.calls
            if call.endpoint is endpoint and (task_id is None or call.concerns(task_id))
        ]

    def wait_for_calls(
        self,
        count: int = 1,
        endpoint: Endpoint | None = None,
        task_id: int | None = None,
        *,
        seconds: float = 30.0,
    ) -> list[Call]:
        """The calls that match, once ``count`` of them have arrived; TimeoutError otherwise."""
        deadline = monotonic() + seconds
        while monotonic() < deadline:
            calls = [
                call
                for call in self.calls
                if endpoint in {None, call.endpoint} and (task_id is None or call.concerns(task_id))
            ]
            if len(calls) >= count:
                return calls
            sleep(_POLL_SECONDS)
        raise TimeoutError(f"fewer than {count} calls arrived within {seconds} s")

    def fault(self, kind: FaultKind | str, **options: Unpack[FaultOptions]) -> Fault:
        """Make matching calls go wrong; see Fault."""
        fault = Fault(FaultKind(kind), **options)
        self.faults.add(fault)
        return fault

    def create_task(self, task_id: int | None = None, **members: Unpack[TaskMembers]) -> Task:
        """A new task; without members a New email that can be updated and executed."""
        return self.store.create(task_id, **members)

    def create_contact(
        self, contact_id: int | None = None, **members: Unpack[ContactMembers]
    ) -> Contact:
        """A new contact, or one in the place of whoever has this id."""
        return self._account.contacts.make(contact_id, **members)

    def create_mailbox(
        self, mailbox_id: int | None = None, **members: Unpack[MailboxMembers]
    ) -> Mailbox:
        """A new mailbox of the first user, unless members say otherwise."""
        return self._account.mailboxes.make(mailbox_id, **members)

    def edit_task(self, task_id: int, **members: Unpack[TaskMembers]) -> Task:
        """Change a task as another client would, past every rule."""
        return self.store.edit(task_id, **members)

    def task(self, task_id: int) -> Task:
        """The task as it is now, hidden or not; KeyError when there is none."""
        return self.store.peek(task_id)

    def spend(self, calls: int, user_id: int = 1, seconds_ago: float = 0.0) -> None:
        """Let another program use up calls of a user's quota."""
        self.limits.spend(user_id, calls, seconds_ago)

    def reset(self) -> None:
        """Back to the start: what it holds, what it has done and logged, faults and quota."""
        control.reset(self._api)

    def start(self) -> Self:
        """Listen and serve in the background; without effect while it does already."""
        if self._listener is not None:
            return self
        self._stopping.clear()
        listener = socket.create_server((LOOPBACK, self._port), backlog=128)
        self._listener, self._port = listener, listener.getsockname()[1]
        self._acceptor = Thread(target=self._accept, args=(listener,), daemon=True)
        self._acceptor.start()
        return self

    def stop(self) -> None:
        """Close the listener and every connection, stalled ones too, and end every thread."""
        if self._listener is None or self._acceptor is None:
            return
        self._stopping.set()
        with suppress(OSError):  # wakes the acceptor; portable, unlike closing under it
            socket.create_connection((LOOPBACK, self._port), timeout=1).close()
        self._acceptor.join()
        self._listener.close()
        self._listener = None
        self.close_connections()

    def close_connections(self) -> None:
        """Close every connection, as a restart of a load balancer does."""
        with self._lock:
            connections = list(self._connections.values())
        for connection in connections:
            connection.close()
        for connection in connections:
            connection.thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                continue
            if self._stopping.is_set():
                peer.close()
                return
            self._accepted += 1
            connection = Connection(self._accepted, peer, self._idle_seconds, self._serve)
            with self._lock:
                self._connections[connection.number] = connection
                connection.thread.start()

    def _serve(self, connection: Connection) -> None:
        try:
            connection.serve(self._api)
        finally:
            with self._lock:
                del self._connections[connection.number]
