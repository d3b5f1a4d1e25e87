"""What the sandbox does where no source says what Reply does; each answer can be changed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Self

INT32, INT64 = 2**31 - 1, 2**63 - 1


class Assumption(StrEnum):
    """An answer to one question; the first of a question's answers is taken unless told."""

    #: What the sandbox then does.
    meaning: str

    def __new__(cls, value: str, meaning: str) -> Self:
        """An answer by its word for ``--assume``, and what the sandbox then does."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member


class Variables(Assumption):
    """Does the case of a template variable count?"""

    EITHER = "either-case", "`{{firstName}}` and `{{FirstName}}` are both resolved"
    DOCUMENTED = "documented-case", "only `{{firstName}}` is, as the document writes it"


class Omitted(Assumption):
    """What becomes of a member that an update leaves out?"""

    CLEARED = "cleared", "it is emptied, since an update replaces the task"
    KEPT = "kept", "it stays as it was"


class PartialContent(Assumption):
    """What does an execution send whose content has only a body, or only a subject?"""

    FROM_TEMPLATE = "from-template", "the rest comes from the stored template"
    EMPTY = "empty", "the rest is empty"
    REFUSED = "refused", "nothing: 400 with the missing member"


class FailedDelivery(Assumption):
    """How does an execution end whose message cannot be delivered (`failsDelivery`)?"""

    IS_FAILED = "is-failed", "200 with a finished task whose `isFailed` is true"
    STILL_NEW = "still-new", "200 with a task that is still new"


class NoRecipient(Assumption):
    """How does an execution end that has nobody to send to?"""

    RENDER_ERROR = "render-error", "409 `task.renderError`, and the task stays new"
    IS_FAILED = "is-failed", "200 with a finished task whose `isFailed` is true"


class ForeignMailbox(Assumption):
    """What becomes of an execution from a mailbox that is not the user's?"""

    ACCEPTED = "accepted", "any `emailAccountId` sends"
    REFUSED = "refused", "400 for every `emailAccountId` but one of the user's own"


class ClosedTasks(Assumption):
    """Does a filter without a status find cancelled and archived tasks?"""

    HIDDEN = "hidden", "no, as a list"
    SHOWN = "shown", "yes"


class Order(Assumption):
    """In which order are tasks listed?"""

    OLDEST_FIRST = "oldest-first", "by id"
    NEWEST_FIRST = "newest-first", "by id, the last one first"


class UnknownMembers(Assumption):
    """What becomes of a member that the document does not have?"""

    DROPPED = "dropped", "nothing is said, as was seen on the wire with contacts"
    REFUSED = "refused", "400 that names it"


class EnumNames(Assumption):
    """Does the case of an enum's name count?"""

    ANY_CASE = "any-case", "`manualEmail` and `ManualEmail` are the same"
    EXACT = "exact", "only `manualEmail` is known"


class Unrenderable(Assumption):
    """What does `includeContent=true` show of a task that cannot be rendered?"""

    REFUSED = "refused", "400 `task.unknown`"
    NULL = "null", "the task, with `content` null"


class Ids(Assumption):
    """How large may the id of a task or a contact be?"""

    BITS_32 = "32-bit", "up to 2,147,483,647, as a public client of Reply's demands"
    BITS_64 = "64-bit", "up to 9,223,372,036,854,775,807"

    @property
    def largest(self) -> int:
        """The largest id."""
        return INT32 if self is Ids.BITS_32 else INT64


class AtOnce(Assumption):
    """Of several executions or completions of one task at the same moment, which count?"""

    ONE = "one-sends", "exactly one; the others are refused with `task.cannotComplete`"
    EACH = "each-sends", "each that arrived before the first had ended"


class Windows(Assumption):
    """How do the windows of the quota move?"""

    SLIDING = "sliding", "they slide, which is never more generous than the other"
    FIXED = "fixed", "each begins anew with the minute and the hour"


class RefusedCalls(Assumption):
    """Does a call that was refused with 429 count?"""

    FREE = "free", "no"
    COUNTED = "counted", "yes: who goes on calling stays refused"


class CreatedTasks(Assumption):
    """When do lists and filters find a task that was just created?"""

    AT_ONCE = "at-once", "at once"
    LATER = "later", "after five seconds; by its id it is there at once"


class DeletedTasks(Assumption):
    """Can a deleted task still be read by its id?"""

    READABLE = "readable", "yes, cancelled or archived as it is; a second deletion is refused"
    GONE = "gone", "no: 404, and no filter finds it"


class Undeletable(Assumption):
    """What does a bulk deletion say of a task that its state protects?"""

    NOT_FOUND = "not-found", "`notFound`, the only error that is documented"
    NOTHING = "nothing", "nothing, as of one that it has deleted"


class EmailSearch(Assumption):
    """Which contacts and mailboxes does a search by an email address find?"""

    EXACT = "exact", "those with this address, whatever its case"
    PART = "part", "also those whose address contains it"


class TeamUsers(Assumption):
    """Whom does the list of a team's users name?"""

    EVERY_TEAM = "every-team", "the users of every team of the organization"
    OWN_TEAM = "own-team", "the users of the caller's team"


@dataclass(frozen=True, slots=True)
class Assumptions:
    """One answer to each question."""

    variables: Variables = Variables.EITHER
    omitted: Omitted = Omitted.CLEARED
    partial_content: PartialContent = PartialContent.FROM_TEMPLATE
    failed_delivery: FailedDelivery = FailedDelivery.IS_FAILED
    no_recipient: NoRecipient = NoRecipient.RENDER_ERROR
    foreign_mailbox: ForeignMailbox = ForeignMailbox.ACCEPTED
    closed_tasks: ClosedTasks = ClosedTasks.HIDDEN
    order: Order = Order.OLDEST_FIRST
    unknown_members: UnknownMembers = UnknownMembers.DROPPED
    enum_names: EnumNames = EnumNames.ANY_CASE
    unrenderable: Unrenderable = Unrenderable.REFUSED
    ids: Ids = Ids.BITS_32
    at_once: AtOnce = AtOnce.ONE
    windows: Windows = Windows.SLIDING
    refused_calls: RefusedCalls = RefusedCalls.FREE
    created_tasks: CreatedTasks = CreatedTasks.AT_ONCE
    deleted_tasks: DeletedTasks = DeletedTasks.READABLE
    undeletable: Undeletable = Undeletable.NOT_FOUND
    email_search: EmailSearch = EmailSearch.EXACT
    team_users: TeamUsers = TeamUsers.EVERY_TEAM


#: The questions by their word for ``--assume``, with their answers in order.
QUESTIONS: Mapping[str, type[Assumption]] = {
    field.name.replace("_", "-"): type(field.default)  # type: ignore[misc]  # each has one
    for field in fields(Assumptions)
}


def read_assumptions(texts: Iterable[str]) -> Assumptions:
    """Assumptions from texts such as ``omitted=kept``.

    Raises:
        ValueError: One is not an assumption; the error lists what there is.
    """
    answers: dict[str, Assumption] = {}
    for text in texts:
        name, _, value = text.partition("=")
        question = QUESTIONS.get(name.strip())
        if question is None:
            raise ValueError(f"there is no {name!r}: choose from {', '.join(QUESTIONS)}")
        found = [answer for answer in question if answer.value == value.strip()]
        if not found:
            choices = " or ".join(f"{name}={answer.value}" for answer in question)
            raise ValueError(f"{name} cannot be {value!r}: write {choices}")
        answers[name.strip().replace("-", "_")] = found[0]
    return Assumptions(**answers)  # type: ignore[arg-type]  # each of its question's type
