"""One call from arrival to answer: key, quota, fault, endpoint, log."""

import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import formatdate
from threading import Event
from typing import Protocol

from reply_tasks.sandbox.account import Account
from reply_tasks.sandbox.assumptions import AtOnce
from reply_tasks.sandbox.calls import BATCHES, Call, CallLog, Endpoint, without_secrets
from reply_tasks.sandbox.endpoints import serve
from reply_tasks.sandbox.faults import Fault, FaultKind, Faults, When
from reply_tasks.sandbox.forms import parse_json
from reply_tasks.sandbox.identity import Caller, Keys
from reply_tasks.sandbox.limits import Limits
from reply_tasks.sandbox.messages import Answer, Delivery, Request
from reply_tasks.sandbox.problems import Problem, bare, too_many_requests
from reply_tasks.sandbox.routes import Route, resolve
from reply_tasks.sandbox.tasks import Task
from reply_tasks.sandbox.visit import Visit


class PeerLeftError(Exception):
    """The peer, or the whole sandbox, is gone: nothing is left to do for this call."""


class Line(Protocol):
    """What a call needs of the connection it came on."""

    @property
    def number(self) -> int:
        """Tells this connection from every other of the same sandbox."""

    def wait(self, seconds: float, until: Event | None, *, for_peer: bool) -> None:
        """Pass time until ``until``; PeerLeftError when nobody is there to wait for."""


@dataclass(slots=True)
class Api:
    """The Reply API over a store; what it counts and logs is shared by all connections."""

    account: Account
    keys: Keys
    limits: Limits
    faults: Faults
    log: CallLog
    clock: Callable[[], float]
    latency: float = 0.0

    def answer(self, request: Request, line: Line) -> tuple[Answer, Call]:
        """What to send back, and the log's entry to complete once it is sent."""
        call = _opened(request, line.number, self.clock())
        route = resolve(request.method, request.path, self.account.assumed.ids)
        call.endpoint, call.task_id = route.endpoint, route.task_id
        self.log.add(call)
        quota: dict[str, str] = {}
        try:
            caller = self._admit(request, call, quota)
            answer = self._act(request, route, caller, call, line)
        except Problem as problem:
            answer = problem.answer()
        except PeerLeftError:
            answer = Answer(200, delivery=Delivery.DROP)
        except Exception:  # noqa: BLE001 - a server answers whatever happens inside it
            traceback.print_exc(file=sys.stderr)
            answer = bare(500, "The sandbox itself failed; see its error output.").answer()
        answer.headers |= {"Date": formatdate(self.clock(), usegmt=True), **quota}
        call.effect |= answer.effect
        return answer, call

    def _admit(self, request: Request, call: Call, quota: dict[str, str]) -> Caller:
        try:
            caller = self.keys.caller(request.headers)
        except Problem:
            quota.update(self.limits.stranger())
            raise
        call.user_id = caller.user.id
        allowance = self.limits.take(caller.user.id)
        quota.update(allowance.headers)
        if allowance.retry_after:
            raise too_many_requests(allowance.retry_after)
        return caller

    def _act(
        self, request: Request, route: Route, caller: Caller, call: Call, line: Line
    ) -> Answer:
        arrived_at = self._task_for_each(route)
        if self.latency:
            line.wait(self.latency, None, for_peer=False)
        released = self.faults.released  # taken first: a stall can miss no release from here on
        fault = self.faults.strike(call)
        now = datetime.fromtimestamp(self.clock(), UTC)
        visit = Visit(request, route, caller, self.account, now, call.number, arrived_at)
        if fault is None:
            return _served(visit)
        call.fault = fault.kind.value
        before = _hollow(visit) if fault.kind is FaultKind.HOLLOW else None
        in_part = fault.done is not None and route.endpoint in BATCHES
        if in_part:
            call.effect = _served(replace(visit, batch_limit=fault.done)).effect
        if fault.when is When.BEFORE or in_part:
            spoiled = self._spoil(fault, route, line, released, before)
            if spoiled is not None:
                return spoiled
        visit = replace(visit, now=datetime.fromtimestamp(self.clock(), UTC))
        answer = _served(visit)
        call.effect |= answer.effect
        if fault.when is When.AFTER and not in_part:
            return self._spoil(fault, route, line, released, before) or answer
        return answer

    def _task_for_each(self, route: Route) -> Task | None:
        """What a call is judged by that takes no notice of others at the same moment."""
        once = self.account.assumed.at_once is AtOnce.ONE
        if once or route.endpoint not in {Endpoint.EXECUTE, Endpoint.COMPLETE}:
            return None
        with suppress(Problem):
            return self.account.store.find(route.task_id or 0)
        return None

    def _spoil(
        self, fault: Fault, route: Route, line: Line, released: Event, before: Answer | None
    ) -> Answer | None:
        if fault.kind is FaultKind.LATENCY:
            line.wait(fault.duration, None, for_peer=False)
        elif fault.kind is FaultKind.STALL:
            line.wait(fault.duration, released, for_peer=True)
        return before or fault.answer(201 if route.endpoint is Endpoint.CREATE else 200)


def _served(visit: Visit) -> Answer:
    try:
        return serve(visit)
    except Problem as problem:
        return problem.answer()


def _hollow(visit: Visit) -> Answer:
    """A success that shows nothing of an effect."""
    if visit.route.task_id is None:
        return Answer.of({})
    return _served(replace(visit, route=replace(visit.route, endpoint=Endpoint.GET)))


def _opened(request: Request, connection: int, at: float) -> Call:
    body: object = None
    if request.body:
        try:
            body = parse_json(request.body)
        except ValueError:
            body = request.body.decode(errors="replace")
    return Call(
        at=at,
        connection=connection,
        method=request.method,
        path=request.path,
        query=request.query,
        headers=without_secrets(request.headers),
        body=body,
    )
