"""``python -m tools.api_drift``: what has changed in Reply's document since our facts."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from openapi_world import Null, Style, openapi_of

from tools.api_drift import main
from tools.api_facts import document_facts

ROOT = Path(__file__).parents[2]
NOT_RENDERED = "Failed to render the task template before execution."
Edit = Callable[[dict[str, Any]], object]


def drift(folder: Path, text: str | bytes) -> tuple[int, list[str], str]:
    """Exit code, lines and errors of the command on a file with this text."""
    file = folder / "document"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    result = CliRunner().invoke(main, [str(file)], prog_name="api_drift")
    return result.exit_code, result.stdout.splitlines(), result.stderr


@pytest.mark.parametrize(
    ("write", "null", "by_reference", "base"),
    [
        (yaml.safe_dump, Null.KEYWORD, False, ""),
        (yaml.safe_dump, Null.TYPE, True, "/v3"),
        (json.dumps, Null.ANY_OF, True, ""),
        (json.dumps, Null.TYPE, False, "/v3"),
    ],
)
def test_the_same_facts_in_any_style_are_no_drift(
    tmp_path: Path, write: Callable[[object], str], null: Null, base: str, *, by_reference: bool
) -> None:
    """Inline or by reference, YAML or JSON, whichever way null is said."""
    document = openapi_of(document_facts(), Style(null, by_reference, base))
    code, lines, errors = drift(tmp_path, write(document))
    assert (code, errors) == (0, "")
    assert lines == ["Nothing has changed: 18 operations as of 2026-09."]


def put(document: dict[str, Any]) -> dict[str, Any]:
    """UpdateTask in a document."""
    operation: dict[str, Any] = document["paths"]["/v3/tasks/{id}"]["put"]
    return operation


def body(document: dict[str, Any]) -> dict[str, Any]:
    """The schema of its request."""
    schema: dict[str, Any] = put(document)["requestBody"]["content"]["application/json"]["schema"]
    return schema


def task(document: dict[str, Any], path: str = "/v3/tasks/{id}", method: str = "get") -> Any:
    """The members of the task that an operation answers."""
    answer = document["paths"][path][method]["responses"]["200"]
    return answer["content"]["application/problem+json"]["schema"]["properties"]


def whoami(document: dict[str, Any]) -> Any:
    answer = document["paths"]["/v3/whoami"]["get"]["responses"]["200"]
    return answer["content"]["application/problem+json"]["schema"]["properties"]


def refusals(document: dict[str, Any], status: str) -> dict[str, Any]:
    """The examples of what an execution answers."""
    execute = document["paths"]["/v3/tasks/{id}/execute"]["post"]
    examples: dict[str, Any] = execute["responses"][status]["content"]["application/problem+json"][
        "examples"
    ]
    return examples


CHANGES: dict[str, Edit] = {
    "PatchTask is new: PATCH /v3/tasks/{id}": lambda document: document["paths"][
        "/v3/tasks/{id}"
    ].update(patch={"operationId": "PatchTask"}),
    "UpdateTask is gone: PUT /v3/tasks/{id}": lambda document: document["paths"][
        "/v3/tasks/{id}"
    ].pop("put"),
    "UpdateTask is now called ReplaceTask": lambda document: put(document).update(
        operationId="ReplaceTask"
    ),
    "UpdateTask needs the scope tasks:operate, no longer tasks:write": lambda document: put(
        document
    ).update({"x-required-scope": "tasks:operate"}),
    "UpdateTask, parameter If-Match is new (string)": lambda document: put(document)[
        "parameters"
    ].append({"name": "If-Match", "in": "header", "schema": {"type": "string"}}),
    "UpdateTask, 412 is a new answer": lambda document: put(document)["responses"].update(
        {412: {}}
    ),
    "UpdateTask, 404 is no longer an answer": lambda document: put(document)["responses"].pop(
        "404"
    ),
    "TaskUpdateRequest notes is new (string)  [UpdateTask]": lambda document: body(document)[
        "properties"
    ].update(notes={"type": "string"}),
    "TaskUpdateRequest contactId is gone  [UpdateTask]": lambda document: body(document)[
        "properties"
    ].pop("contactId"),
    "TaskUpdateRequest contactId required is now true  [UpdateTask]": lambda document: body(
        document
    )["required"].append("contactId"),
    "TaskUpdateRequest template required is no longer true  [UpdateTask]": lambda document: body(
        document
    )["required"].remove("template"),
    "TaskUpdateRequest taskType enum has also fax, visit  [UpdateTask]": lambda document: body(
        document
    )["properties"]["taskType"].update(enum=[*document_facts().enums["taskType"], "fax", "visit"]),
    "TaskUpdateRequest contactId nullable is no longer true  [UpdateTask]": lambda document: body(
        document
    )["properties"]["contactId"].pop("nullable"),
    "TaskUpdateRequest template.body maxLength is now 500  [UpdateTask]": lambda document: body(
        document
    )["properties"]["template"]["properties"]["body"].update(maxLength=500),
    "Task id type is string, no longer integer  [GetTaskById]": lambda document: task(document)[
        "id"
    ].update(type="string"),
    "ExecuteTask, 409 has a new code: task.optedOut": lambda document: refusals(
        document, "409"
    ).update(new={"value": {"code": "task.optedOut", "detail": NOT_RENDERED}}),
    "ExecuteTask, 409 has a new sentence: Not now.": lambda document: refusals(
        document, "409"
    ).update(new={"value": {"code": "task.renderError", "detail": "Not now."}}),
    "ExecuteTask, 429, header Retry-After type is string, no longer integer": lambda document: (
        document["paths"]["/v3/tasks/{id}/execute"]["post"]["responses"]["429"]["headers"][
            "Retry-After"
        ]["schema"].update(type="string")
    ),
    "Whoami lost the member teamId": lambda document: whoami(document).pop("teamId"),
    "document has a new server: https://eu.reply.io": lambda document: document["servers"].append(
        {"url": "https://eu.reply.io"}
    ),
    "security oauth is new (oauth2)": lambda document: document["components"][
        "securitySchemes"
    ].update(oauth={"type": "oauth2"}),
}


@pytest.mark.parametrize("line", CHANGES)
def test_each_change_is_one_line(tmp_path: Path, line: str) -> None:
    """It names the operation or schema, the member, and what became of it; the exit code is 1."""
    document = openapi_of(document_facts())
    CHANGES[line](document)
    code, lines, errors = drift(tmp_path, json.dumps(document))
    assert (code, lines) == (1, [line])
    assert errors.startswith("1 differences")


def test_a_change_that_many_operations_show_is_one_line(tmp_path: Path) -> None:
    """The task of every answer grew: said once, with all that show it."""
    document = openapi_of(document_facts(), Style(by_reference=True))
    document["components"]["schemas"]["Task"]["properties"]["updatedAt"] = {"type": "string"}
    _, lines, _ = drift(tmp_path, json.dumps(document))
    shown = "CreateTask, GetTaskById, UpdateTask, AssignTask, CompleteTask, ExecuteTask"
    assert lines == [f"Task updatedAt is new (string)  [{shown}]"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no member 'openapi'"),
        ("openapi: 3.1.0", "no 'paths'"),
        ("[1]", "no member 'openapi'"),
        ("a: [\n}", "neither JSON nor YAML at line 2"),
        ('{"openapi": ', "neither JSON nor YAML at line 1"),
        ("!!python/object/apply:os.system ['true']", "neither JSON nor YAML"),
        (b"\xff\xfe\x00", "not UTF-8"),
        ("[" * 5000, "neither JSON nor YAML"),
    ],
)
def test_what_is_no_document_is_said_in_one_line(
    tmp_path: Path, text: str | bytes, why: str
) -> None:
    """With the file, the reason and where it is; exit code 2, and no traceback."""
    code, lines, errors = drift(tmp_path, text)
    assert (code, lines) == (2, [])
    assert why in errors
    assert len(errors.splitlines()) == 1


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"$ref": "other.yaml#/Task"}, "bundle it first"),
        ({"$ref": "#/components/schemas/Nothing"}, "leads nowhere"),
        ({"$ref": "#/paths/~1v3~1tasks~1{id}/put/requestBody"}, ""),
    ],
)
def test_references_are_followed_to_their_end(
    tmp_path: Path, schema: dict[str, str], why: str
) -> None:
    """One that leads out of the document, or nowhere, is named."""
    document = openapi_of(document_facts())
    put(document)["requestBody"]["content"]["application/json"]["schema"] = schema
    code, _, errors = drift(tmp_path, json.dumps(document))
    assert (code, why in errors) == (2 if why else 1, True)


def test_a_schema_without_end_is_named(tmp_path: Path) -> None:
    """A document may hold such schemas elsewhere; in a task it is an error, not a hang."""
    document = openapi_of(document_facts(), Style(by_reference=True))
    tasks = document["components"]["schemas"]["Task"]["properties"]
    endless = {"properties": {"next": {"$ref": "#/components/schemas/Endless"}}}
    document["components"]["schemas"]["Endless"] = endless
    assert drift(tmp_path, json.dumps(document))[0] == 0
    tasks["next"] = {"$ref": "#/components/schemas/Endless"}
    code, _, errors = drift(tmp_path, json.dumps(document))
    assert (code, "refers to itself" in errors) == (2, True)


@pytest.mark.e2e
@pytest.mark.parametrize("write", [yaml.safe_dump, json.dumps], ids=["yaml", "json"])
def test_a_document_of_two_megabytes_is_read_whole(
    tmp_path: Path, write: Callable[[object], str]
) -> None:
    """As a maintainer runs it: the module, on a file of the size that Reply's has."""
    document = openapi_of(document_facts())
    filler = {f"Filler{number}": {"description": "x" * 200} for number in range(9000)}
    document["components"]["schemas"] = filler
    task(document)["startAt"]["format"] = "date"
    file = tmp_path / "openapi"
    file.write_text(write(document))
    assert file.stat().st_size > 2_000_000
    command = [sys.executable, "-m", "tools.api_drift", str(file)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    line = "Task startAt format is date, no longer date-time  [GetTaskById]"
    assert (done.returncode, done.stdout.splitlines()) == (1, [line])
    shown = subprocess.run([*command[:-1], "--help"], cwd=ROOT, capture_output=True, check=False)
    assert b"Example:" in shown.stdout
