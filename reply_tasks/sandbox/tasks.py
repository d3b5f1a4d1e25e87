"""What the sandbox keeps of a task, its contact, and how a template becomes content."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TypedDict

from reply_tasks.contract.enums import CreationSource, LinkedInTaskType, TaskStatus, TaskType
from reply_tasks.sandbox.assumptions import Variables

_VARIABLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class RenderError(Exception):
    """A template names a variable that cannot be resolved."""


@dataclass(frozen=True, slots=True)
class Template:
    """The text of a task; ``{{variables}}`` are resolved from its contact."""

    body: str
    subject: str | None = None
    attachment_ids: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """A template with every variable resolved."""

    body: str
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class Contact:
    """A person that tasks are about."""

    id: int
    first_name: str
    last_name: str
    company: str
    title: str
    city: str
    time_zone: str

    @property
    def full_name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}"

    @property
    def email(self) -> str:
        """An address under a name that is reserved for examples."""
        return f"{self.first_name}.{self.last_name}.{self.id}@example.com".lower()

    @property
    def phone(self) -> str:
        """A number in the range that is reserved for fiction."""
        return f"+1555{self.id % 10_000_000:07d}"

    @property
    def linked_in_url(self) -> str:
        """A profile address."""
        return f"https://www.linkedin.example/in/contact-{self.id}"


@dataclass(frozen=True, slots=True)
class Task:
    """One task; ``fails_delivery`` and ``hidden`` are the sandbox's own, never on the wire."""

    id: int
    task_type: TaskType = TaskType.MANUAL_EMAIL
    status: TaskStatus = TaskStatus.NEW
    contact_id: int | None = 1001
    linked_in_task_type: LinkedInTaskType | None = None
    sequence_id: int | None = None
    sequence_step_id: int | None = None
    sequence_step_display_name: str | None = None
    assigned_user_id: int = 1
    creation_source: CreationSource = CreationSource.USER
    created_at: datetime = _EPOCH
    start_at: datetime = _EPOCH
    due_to: datetime = datetime(2026, 1, 8, tzinfo=UTC)
    finished_at: datetime | None = None
    is_failed: bool = False
    is_scheduled: bool = False
    template: Template = Template("Hello {{firstName}}", "A question")
    fails_delivery: bool = False
    hidden: bool = False


class TaskMembers(TypedDict, total=False):
    """The members of a Task that a test or another client may set."""

    task_type: TaskType
    status: TaskStatus
    contact_id: int | None
    linked_in_task_type: LinkedInTaskType | None
    sequence_id: int | None
    sequence_step_id: int | None
    sequence_step_display_name: str | None
    assigned_user_id: int
    creation_source: CreationSource
    created_at: datetime
    start_at: datetime
    due_to: datetime
    finished_at: datetime | None
    is_failed: bool
    is_scheduled: bool
    template: Template
    fails_delivery: bool
    hidden: bool


_FIRST = ("Ada", "Bo", "Carla", "Deniz", "Emeka", "Freya", "Goran", "Hana", "Ivan", "June")
_LAST = (
    "Abbott",
    "Berg",
    "Costa",
    "Dahl",
    "Eze",
    "Frank",
    "Gupta",
    "Horn",
    "Ito",
    "Jansen",
    "Kern",
)
_COMPANIES = ("Acme", "Borealis", "Cobalt", "Dune", "Ember", "Fjord", "Gale")
_TITLES = ("CEO", "Head of Sales", "Buyer", "Engineer", "Office Manager")
_CITIES = (("Lisbon", "Europe/Lisbon"), ("Kyiv", "Europe/Kyiv"), ("Boston", "America/New_York"))


@lru_cache(maxsize=4096)
def contact_of(contact_id: int) -> Contact:
    """The contact with this id; every id names one, always the same."""
    city, time_zone = _CITIES[contact_id % len(_CITIES)]
    return Contact(
        id=contact_id,
        first_name=_FIRST[contact_id % len(_FIRST)],
        last_name=_LAST[contact_id % len(_LAST)],
        company=_COMPANIES[contact_id % len(_COMPANIES)],
        title=_TITLES[contact_id % len(_TITLES)],
        city=city,
        time_zone=time_zone,
    )


def render(
    template: Template, contact_id: int | None, variables: Variables = Variables.EITHER
) -> Content:
    """The content of ``template`` for this contact; a RenderError names what is unresolved."""
    values = {} if contact_id is None else _variables(contact_of(contact_id), variables)
    subject = template.subject
    return Content(
        body=_resolve(template.body, values),
        subject=None if subject is None else _resolve(subject, values),
    )


def content_of(task: Task, variables: Variables = Variables.EITHER) -> Content:
    """What ``includeContent=true`` shows: a finished task's template is its final content."""
    if task.status is TaskStatus.FINISHED:
        return Content(task.template.body, task.template.subject)
    return render(task.template, task.contact_id, variables)


def _resolve(text: str, values: Mapping[str, str]) -> str:
    if "{{" not in text:
        return text

    def value_of(found: re.Match[str]) -> str:
        name = found[1]
        if name not in values:
            raise RenderError(f"Template rendering failed: variable '{name}' cannot be resolved.")
        return values[name]

    rendered = _VARIABLE.sub(value_of, text)
    if "{{" in rendered:
        raise RenderError("Template rendering failed: a variable is not closed.")
    return rendered


def _variables(contact: Contact, variables: Variables) -> dict[str, str]:
    values = {
        "firstName": contact.first_name,
        "lastName": contact.last_name,
        "fullName": contact.full_name,
        "email": contact.email,
        "phone": contact.phone,
        "company": contact.company,
        "title": contact.title,
        "city": contact.city,
    }
    if variables is Variables.EITHER:
        values |= {name[0].upper() + name[1:]: value for name, value in values.items()}
    return values
