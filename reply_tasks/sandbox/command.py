"""The ``sandbox`` command: serve until told to stop."""

import re
import signal
from pathlib import Path
from threading import Event

import click

from reply_tasks.sandbox.assumptions import QUESTIONS, Assumptions, read_assumptions
from reply_tasks.sandbox.identity import ALL_SCOPES, DEFAULT_API_KEY, Dialect, Key, User
from reply_tasks.sandbox.limits import HOURLY, MINUTELY
from reply_tasks.sandbox.seed import Mix, make_tasks
from reply_tasks.sandbox.server import SandboxServer

_SCOPE = re.compile(r"[\w-]+:(read|write|operate|\*)|\*:\*")
_LIMIT_HELP = "Calls a user may make in {}; 0 for no limit."


_EXAMPLE = """\b
Example:
  reply-tasks sandbox --port 8300 --tasks 500
  curl -H 'X-API-Key: sandbox-key' http://127.0.0.1:8300/v3/tasks/1
  curl http://127.0.0.1:8300/_sandbox/outbox
  curl -H 'Content-Type: application/json' -d '[{"email": "ada@example.com"}]' \\
    http://127.0.0.1:8300/_sandbox/contacts
  reply-tasks sandbox --assume omitted=kept --assume order=newest-first
\b
What may be assumed, the usual first (docs/api.md says more):
"""
_EXAMPLE += "".join(
    f"  {name}={'|'.join(answer.value for answer in question)}\n"
    for name, question in QUESTIONS.items()
)


def _read_assumptions(texts: tuple[str, ...]) -> Assumptions:
    try:
        return read_assumptions(texts)
    except ValueError as error:
        raise click.BadParameter(f"{error}.") from None


def _read_scopes(text: str) -> tuple[str, ...]:
    scopes = tuple(scope.strip() for scope in text.split(",") if scope.strip())
    for scope in scopes:
        if not _SCOPE.fullmatch(scope):
            raise click.BadParameter(
                f"{scope!r} is not a scope: write domain:verb, such as tasks:read, or *:* for all."
            )
    return scopes


@click.command("sandbox", epilog=_EXAMPLE)
@click.option("--port", default=8300, show_default=True, help="0 takes any free port.")
@click.option(
    "--tasks", default=100, show_default=True, help="How many tasks to start with; ids from 1."
)
@click.option("--seed", default=0, show_default=True, help="The same seed, the same tasks.")
@click.option(
    "--mix",
    type=click.Choice([mix.value for mix in Mix]),
    default=Mix.VARIED.value,
    show_default=True,
    help="varied: every type and status. emails: New email tasks only.",
)
@click.option(
    "--api-key", default=DEFAULT_API_KEY, show_default=True, help="The only key that is accepted."
)
@click.option(
    "--users",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="The key acts for the users 1 to this; user 1 unless a call names another.",
)
@click.option(
    "--scopes",
    default=",".join(ALL_SCOPES),
    show_default=True,
    callback=lambda _context, _parameter, text: _read_scopes(text),
    help="What the key may do, e.g. tasks:read,tasks:write. Write and operate include read.",
)
@click.option(
    "--organization-key",
    is_flag=True,
    help="The key has no user of its own: each call must name one, as X-USER-ID.",
)
@click.option(
    "--no-organization",
    is_flag=True,
    help="The account is in no organization: the list of its team's users is refused.",
)
@click.option(
    "--dialect",
    type=click.Choice(["both", *(dialect.value for dialect in Dialect)]),
    default="both",
    show_default=True,
    help="preview: X-API-Key and integers. current: Bearer and names.",
)
@click.option(
    "--requests-per-minute",
    type=click.IntRange(min=0),
    default=MINUTELY,
    show_default=True,
    help=_LIMIT_HELP.format("a minute"),
)
@click.option(
    "--requests-per-hour",
    type=click.IntRange(min=0),
    default=HOURLY,
    show_default=True,
    help=_LIMIT_HELP.format("an hour"),
)
@click.option(
    "--assume",
    "assumed",
    multiple=True,
    metavar="NAME=VALUE",
    callback=lambda _context, _parameter, texts: _read_assumptions(texts),
    help="What Reply does where no source says it; may be repeated. The names are listed below.",
)
@click.option(
    "--latency-ms",
    type=click.FloatRange(min=0),
    default=0.0,
    help="How long every call takes at least.",
)
@click.option(
    "--ready-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Written with the api_url once calls are accepted.",
)
def sandbox(  # noqa: PLR0913 - each one an option
    *,
    port: int,
    tasks: int,
    seed: int,
    mix: str,
    api_key: str,
    users: int,
    scopes: tuple[str, ...],
    organization_key: bool,
    no_organization: bool,
    dialect: str,
    requests_per_minute: int,
    requests_per_hour: int,
    assumed: Assumptions,
    latency_ms: float,
    ready_file: Path | None,
) -> None:
    """Serve a local Reply API that sends nothing.

    It keeps Reply's rules, rate limits and problem documents. It lists what would have been sent
    at /_sandbox/outbox, and every task created, completed, assigned or deleted at
    /_sandbox/effects. Each user has a mailbox. It listens on loopback only and forgets everything
    when it stops.
    """
    people = [User(number, f"user{number}@example.com") for number in range(1, users + 1)]
    server = SandboxServer(
        port=port,
        tasks=make_tasks(tasks, seed, Mix(mix)),
        keys={api_key: Key(people, scopes, organization_key)},
        requests_per_minute=requests_per_minute or None,
        requests_per_hour=requests_per_hour or None,
        latency=latency_ms / 1000,
        in_organization=not no_organization,
        assumed=assumed,
        dialect=None if dialect == "both" else Dialect(dialect),
    )
    told_to_stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: told_to_stop.set())
    try:
        server.start()
    except OSError as error:
        raise click.ClickException(
            f"Cannot listen on port {port} ({error.strerror}). Choose another with --port."
        ) from None
    with server:
        click.echo(f"Listening on {server.url}")
        if ready_file is not None:
            ready_file.write_text(server.url, encoding="utf-8")
        told_to_stop.wait()
