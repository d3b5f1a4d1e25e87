"""What a person decides on the pages: approve, decline, and their word on what is uncertain.

Nothing is sent from here: what is approved goes out with the next run of the target.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from reply_tasks.console.access import Form
from reply_tasks.console.app import console_of
from reply_tasks.console.previews import read_previews
from reply_tasks.contract.naming import record_name
from reply_tasks.ledger import Entry, Ledger
from reply_tasks.ledger.prepared import IDS_A_QUERY
from reply_tasks.operator.approval import ApprovalResult, approve_as_shown, decline_held
from reply_tasks.operator.history import LARGEST_ID
from reply_tasks.resolving import (
    OperatorVerdict,
    ReadBack,
    ReadBackError,
    ResolveError,
    Resolver,
    find_operation,
)
from reply_tasks.resolving.search import Search

_LONGEST_WHY = 500
_GO_OUT = "goes out with the next run of the target"
_THEY_GO_OUT = "go out with the next run of the target"


def decide_on_held(request: Request) -> Response:
    """Approve or decline one execution or several, each as it was shown; or read their texts."""
    console, form = console_of(request), form_of(request)
    unread = _unread(form)
    if unread and console.previews:
        read = read_previews(console.settings, unread)
        return _back(request, "/held", read, run=form.first("run"))
    now = datetime.now(UTC)
    yes, no = _approved(form), _declined(form)
    texts: list[str] = []
    if yes:
        with console.writing() as connection:
            words = approve_as_shown(connection, yes, by=console.by, at=now)
        texts += _told_of_yes(words)
    for why, operation_ids in no.items():
        with console.writing() as connection:
            said = decline_held(connection, operation_ids, why=why, by=console.by, at=now)
        texts += _told_of_no(said)
    if not texts:
        texts = ["Nothing was chosen: tick the messages that you mean, then approve or decline."]
    return _back(request, "/held", texts, run=form.first("run"))


def _approved(form: Form) -> Mapping[str, str]:
    """The digest that was shown, for each operation that is approved."""
    one = form.first("approve")
    if one is not None:
        return _shown([one])
    match form.first("do"):
        case "approve":
            return _shown(form.all("chosen"))
        case "approve-page":
            return _shown(form.all("shown"))
        case _:
            return {}


def _unread(form: Form) -> list[str]:
    """The operations whose texts are to be read from Reply."""
    one = form.first("preview")
    if one is not None:
        return [one]
    return form.all("unread")[:IDS_A_QUERY] if form.first("do") == "preview-page" else []


def _declined(form: Form) -> Mapping[str, list[str]]:
    """The operations that are declined, by why."""
    one = form.first("decline")
    if one is not None:
        return {_why(form.first(f"why-{one}")): [one]}
    chosen = [*_shown(form.all("chosen"))]
    if form.first("do") == "decline" and chosen:
        return {_why(form.first("why")): chosen}
    return {}


def _shown(values: list[str]) -> dict[str, str]:
    pairs = (value.partition(":") for value in values[:IDS_A_QUERY])
    return {operation_id: digest for operation_id, _, digest in pairs}


def _why(text: str | None) -> str:
    return " ".join((text or "").split())[:_LONGEST_WHY]


def _told_of_yes(words: Mapping[str, ApprovalResult]) -> Iterator[str]:
    taken = [*words.values()].count(ApprovalResult.TAKEN)
    if taken == 1:
        yield f"Approved: 1 message {_GO_OUT}."
    elif taken:
        yield f"Approved: {taken} messages {_THEY_GO_OUT}."
    changed = [*words.values()].count(ApprovalResult.CHANGED)
    if changed:
        yield (
            f"Not approved: {_messages(changed)} changed after this page was made. Look again, and "
            "decide on what is there now."
        )
    yield from _told_of_gone(words)


def _told_of_no(words: Mapping[str, ApprovalResult]) -> Iterator[str]:
    taken = [*words.values()].count(ApprovalResult.TAKEN)
    if taken:
        yield f"Declined: {_messages(taken)} will not be sent."
    yield from _told_of_gone(words)


def _told_of_gone(words: Mapping[str, ApprovalResult]) -> Iterator[str]:
    gone = [*words.values()].count(ApprovalResult.GONE)
    if gone:
        yield (
            f"Nothing was done about {_messages(gone)} that no longer waited: somebody else had "
            "decided, a later record had replaced it, or a run had taken it to send."
        )


def _messages(count: int) -> str:
    return "1 message" if count == 1 else f"{count} messages"


def decide_on_uncertain(request: Request) -> Response:
    """Settle an uncertain operation by a person's word."""
    console, form = console_of(request), form_of(request)
    operation_id, word = form.first("id") or "", form.first("word") or ""
    if form.first("looked") != "yes" or word not in {*OperatorVerdict}:
        texts = ["Nothing was settled: say that you have looked in Reply, then what you found."]
        return _back(request, "/uncertain", texts)
    texts = []
    try:
        with Ledger.open(console.settings.ledger_url, create=False) as ledger:
            resolver = Resolver(ledger, _LooksAtNothing())
            found = find_operation(ledger, operation_id)
            verdict = OperatorVerdict(word)
            for fate in resolver.take_word(found, verdict, task_id=_task(form, verdict)):
                outcome = fate.outcome or "left to the next run"
                name = record_name(fate.operation, fate.task_id, fate.external_id)
                said = name if fate.external_id else name.capitalize()
                texts.append(f"{said} is settled: {outcome}. {fate.detail}")
    except ResolveError as error:
        texts.append(str(error))
    return _back(request, "/uncertain", texts)


def _task(form: Form, verdict: OperatorVerdict) -> int | None:
    """The task that a creation made, where it was sent."""
    typed = (form.first("task") or "").strip()
    if verdict is OperatorVerdict.NOT_SENT or not typed:
        return None
    digits = typed.isascii() and typed.isdecimal() and len(typed) <= len(str(LARGEST_ID))
    if not digits or not 0 < int(typed) <= LARGEST_ID:
        raise ResolveError("That is no task's number: give the one that Reply shows.")
    return int(typed)


class _LooksAtNothing:
    """The console reads no task back: a person's word is enough."""

    def read_back(self, _entry: Entry) -> ReadBack:
        """Nothing is read."""
        raise ReadBackError("The console reads no task back.")

    def look_for(self, _entry: Entry) -> Search:
        """Nothing is looked for."""
        raise ReadBackError("The console looks for no task.")


def form_of(request: Request) -> Form:
    """The form that the guard has read."""
    form: Form = request.state.form
    return form


def _back(request: Request, path: str, texts: list[str], **parts: str | None) -> Response:
    """To the page that shows what came of it; loading that anew decides nothing again."""
    query = {name: part for name, part in parts.items() if part}
    query["notice"] = console_of(request).notices.leave(texts)
    return RedirectResponse(f"{path}?{urlencode(query)}", HTTPStatus.SEE_OTHER)
