"""Every block that somebody can paste works as it is written, and says what its page shows."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from document_blocks import DOCUMENTS, ROOT, blocks, missing, steps
from document_runs import Reader
from ports import free_port
from postgres_server import PostgresServer
from programs import program

from reply_tasks.sandbox import SandboxServer

#: Blocks that can't run here, each with its reason beside it.
NOT_RUN = {"README.md": 4, "docs/tutorial.md": 1}
#: Languages that other tests run: queries on a ledger, recipes over samples of their taps.
RUN_ELSEWHERE = {"docs/operations.md": {"sql"}, "docs/recipes": {"sql", "yaml"}}


def test_every_block_is_run_here_or_elsewhere() -> None:
    """No block is left out without a reason, and their number is known."""
    skipped = Counter(
        block.document
        for document in DOCUMENTS
        for block in blocks(document)
        if block.reason is not None
    )
    assert skipped == NOT_RUN
    for document in DOCUMENTS:
        elsewhere = {
            language
            for place, languages in RUN_ELSEWHERE.items()
            if document.startswith(place)
            for language in languages
        }
        languages = {block.language for block in blocks(document) if block.reason is None}
        assert languages - elsewhere <= {"bash", "text", "json"}, document
        fences = (ROOT / document).read_text().count("```")
        assert fences == 2 * len(blocks(document)), document


def test_a_line_that_is_not_said_is_found() -> None:
    """Lines count in their order, whatever the moment; one that is not said is named."""
    said = "INFO a 2026-11-25 22:39:36Z.\nb\n"
    assert list(missing(("a 2027-01-01 00:00:00Z.", "b"), said)) == []
    assert list(missing(("b", "a 2027-01-01 00:00:00Z."), said)) == ["a 2027-01-01 00:00:00Z."]


@pytest.mark.e2e
def test_the_tutorial_shows_what_happens(tmp_path: Path) -> None:
    """Each command of the tutorial says what the page shows below it."""
    _follow("docs/tutorial.md", tmp_path)


@pytest.mark.e2e
def test_the_commands_of_operations_work_after_a_run(tmp_path: Path) -> None:
    """What an operator pastes works on the ledger that the tutorial's first run leaves."""
    textfile = tmp_path / "textfile"
    textfile.mkdir()
    first_run = steps("docs/tutorial.md")[:3]
    reader = _reader(tmp_path, {"/var/lib/node_exporter/textfile": str(textfile)})
    reader.follow([*first_run, *steps("docs/operations.md")])
    assert "reply_tasks_last_run_exit_code" in (textfile / "reply_tasks.prom").read_text()


@pytest.mark.e2e
def test_the_readme_leads_from_a_rehearsal_to_the_own_warehouse(
    postgres_server: PostgresServer, tmp_path: Path, program_cache: Path
) -> None:
    """A real tap reads the CRM's views, a real loader fills the warehouse, a second run adds none.

    The page says nothing of where Reply is; the environment says that it is the sandbox.
    """
    host = f"postgres:any@127.0.0.1:{postgres_server.port}"
    with (
        _database(postgres_server, "crm") as crm,
        _database(postgres_server, "warehouse") as warehouse,
        SandboxServer() as reply,
    ):
        for file in ("tables", "rows", "views"):
            crm.execute((ROOT / f"examples/crm/{file}.sql").read_bytes())
        for task_id in range(1, 31):
            reply.create_task(task_id)
        reader = _reader(
            tmp_path,
            {"user:password@host": host, "YOUR-KEY": "sandbox-key"},
            programs=[program(program_cache, name) for name in ("tap-postgres", "target-postgres")],
            environment={
                "TARGET_REPLY_TASKS_API_URL": reply.url,
                "TAP_REPLY_TASKS_API_URL": reply.url,
            },
        )
        planned, live = reader.follow(steps("README.md"))[-2:]
        assert "26 records read, 25 would be sent, 1 rejected" in planned
        assert len(reply.outbox) == 6
        assert "26 records read: 24 applied, 2 rejected" in live
        assert "are dropped" not in live
        (again,) = reader.follow([replace(steps("README.md")[-1], shown=())])
        assert " 0 calls made." in again
        assert len(reply.outbox) == 6
        fates = "SELECT outcome, count(*) FROM reply.task_operations GROUP BY outcome"
        assert dict(warehouse.execute(fates).fetchall()) == {"applied": 24, "rejected": 2}


def _follow(document: str, folder: Path) -> list[str]:
    return _reader(folder, {}).follow(steps(document))


def _reader(
    folder: Path,
    theirs: dict[str, str],
    *,
    programs: list[Path] | None = None,
    environment: dict[str, str] | None = None,
) -> Reader:
    """A reader in a fresh folder, with a port of their own for the sandbox."""
    fresh = folder / "fresh"
    fresh.mkdir()
    return Reader(fresh, programs or [], {"8300": str(free_port()), **theirs}, environment)


@contextmanager
def _database(server: PostgresServer, name: str) -> Iterator["psycopg.Connection[tuple[str, int]]"]:
    """A new database, for as long as it is looked at."""
    server.run(f"CREATE DATABASE {name}")
    with psycopg.connect(
        host="127.0.0.1", port=server.port, user="postgres", dbname=name, autocommit=True
    ) as connection:
        yield connection
    server.run(f"DROP DATABASE {name} WITH (FORCE)")
