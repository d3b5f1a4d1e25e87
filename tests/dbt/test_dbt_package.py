"""The dbt package and its page say what the tap's schemas say, without running anything."""

import re
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import yaml
from dbt_warehouses import PACKAGE, ROOT
from programs import REQUIREMENTS

from reply_tasks.contract.outcomes import Operation, Outcome, Reason
from tools import stream_documents as documents
from tools.stream_documents import columns, staged_names, streams

PAGE = (ROOT / documents.WAREHOUSE).read_text()
STREAMS = {stream.name: stream for stream in streams()}
MARTS: dict[str, Any] = yaml.safe_load((PACKAGE / "models/marts/_marts.yml").read_text())


def staging(stream: str) -> str:
    """The SQL of a staging model."""
    return (PACKAGE / f"models/staging/stg_reply_tasks__{stream}.sql").read_text()


def accepted(name: str) -> list[list[str]]:
    """The vocabularies that the marts' columns of a name accept."""
    return [
        test["accepted_values"]["arguments"]["values"]
        for model in MARTS["models"]
        for column in model["columns"]
        if column["name"].removeprefix("last_").removeprefix("applied_") == name
        for test in column.get("data_tests", [])
        if "accepted_values" in test
    ]


def test_the_generated_parts_are_up_to_date() -> None:
    """What ``make docs`` would write of the tap's columns is what is committed."""
    assert documents.with_columns(PAGE) == PAGE
    assert documents.sources_yaml() == (ROOT / documents.SOURCES).read_text()
    assert documents.staging_yaml() == (ROOT / documents.STAGING).read_text()


def test_the_page_needs_its_marked_lines() -> None:
    """A page that lost its marked lines is an error, not silently left as it is."""
    with pytest.raises(ValueError, match="no marked lines"):
        documents.with_columns("no marks here")


def test_the_page_has_every_column_of_every_stream() -> None:
    """Each stream that the tap discovers has a table with each of its columns."""
    sections = dict(
        re.findall(r"^### `(\w+)`\n(.*?)(?=^###|^<!--)", PAGE, re.DOTALL | re.MULTILINE)
    )
    assert sections.keys() == STREAMS.keys()
    for name, stream in STREAMS.items():
        found = re.findall(r"^\| `(\w+)` \|", sections[name], re.MULTILINE)
        assert found == list(stream.schema["properties"])


@pytest.mark.parametrize("stream", STREAMS)
def test_a_staging_model_has_every_column_of_its_stream(stream: str) -> None:
    """A staging model reads what the tap emits, no more and no less, by its documented name."""
    schema = STREAMS[stream].schema
    read = re.findall(r"as_\w+\(landed, '(\w+)'(?:, '(\w+)')?\) }} as (\w+)", staging(stream))
    expected = [
        (column.name, part.name if part is not column else "", name)
        for column in columns(schema)
        for name, part in zip(staged_names(stream, column), column.parts or (column,), strict=True)
    ]
    assert read == expected


def test_the_marts_accept_the_closed_vocabularies() -> None:
    """Outcomes, operations and reasons of the marts' tests are those of the contract."""
    for name, vocabulary in (("outcome", Outcome), ("operation", Operation), ("reason", Reason)):
        found = accepted(name)
        assert found
        assert all(values == [str(each) for each in vocabulary] for values in found)


def test_the_page_names_only_columns_that_exist() -> None:
    """The table that compares with other tools points at columns that the tap emits."""
    (section,) = re.findall(r"^## What other tools.*?(?=^## )", PAGE, re.DOTALL | re.MULTILINE)
    here = [line.split("|")[4] for line in section.splitlines() if line.startswith("|")]
    named = set(chain.from_iterable(re.findall(r"`(\w+)\.(\w+)`", cell) for cell in here))
    assert {stream for stream, _ in named} == {"runs", "task_links", "task_operations"}
    for stream, column in named:
        assert column in STREAMS[stream].schema["properties"]


def test_the_readme_explains_every_variable_with_its_default() -> None:
    """Each variable that a model reads is in the README's table, with the project's default."""
    project = yaml.safe_load((PACKAGE / "dbt_project.yml").read_text())
    defaults = project["vars"]["reply_tasks"]
    sources = [*PACKAGE.glob("models/**/*.sql"), *PACKAGE.glob("models/**/*.yml")]
    used = set(
        chain.from_iterable(re.findall(r"var\('+(\w+)", path.read_text()) for path in sources)
    )
    readme = Path(PACKAGE / "README.md").read_text()
    table = dict(re.findall(r"^\| `(reply_tasks_\w+)` \| (.*?) \|", readme, re.MULTILINE))
    assert table.keys() == used
    assert used - defaults.keys() == {"reply_tasks_database"}
    for name, default in defaults.items():
        shown = "none" if default is None else f"`{str(default).lower()}`"
        assert table[name] == shown


def test_package_and_distribution_have_one_version() -> None:
    """Tap and package are released together."""
    project = yaml.safe_load((PACKAGE / "dbt_project.yml").read_text())
    assert f'version = "{project["version"]}"' in (ROOT / "pyproject.toml").read_text()


def test_the_readme_names_the_versions_that_are_tested() -> None:
    """The README's table is what the tests install, and dbt refuses another minor version."""
    readme = (PACKAGE / "README.md").read_text()
    told = dict(re.findall(r"^\| `([\w-]+)` \| ([\d.]+) \|$", readme, re.MULTILINE))
    tested = {
        each for name, wanted in REQUIREMENTS.items() if name != "tap-postgres" for each in wanted
    }
    assert {f"{name}=={version}" for name, version in told.items()} == tested
    major, minor, _ = map(int, told["dbt-core"].split("."))
    project = yaml.safe_load((PACKAGE / "dbt_project.yml").read_text())
    assert project["require-dbt-version"] == [f">={major}.{minor}.0", f"<{major}.{minor + 1}.0"]


def test_the_exposure_stands_on_every_mart() -> None:
    """What a team looks at depends on all models."""
    (exposure,) = yaml.safe_load((PACKAGE / "models/marts/_exposures.yml").read_text())["exposures"]
    marts = {f"ref('{model['name']}')" for model in MARTS["models"]}
    assert set(exposure["depends_on"]) == marts
