"""The SDK's standard suite, wired in; where a test of it can't apply, ours says why."""

import importlib.resources
import json
from collections.abc import Iterator
from typing import Any

import pytest
from singer_sdk.testing import TargetTestRunner, get_target_test_class, target_test_streams
from singer_sdk.testing.suites import target_tests
from singer_sdk.testing.target_tests import TargetRecordMissingRequiredProperty
from target_runs import Stage, signals_kept

from target_reply_tasks.target import TargetReplyTasks

_Suite: Any = get_target_test_class(TargetReplyTasks, config={})


def _stream(name: str) -> list[str]:
    """The lines of one of the SDK's test streams."""
    text = (importlib.resources.files(target_test_streams) / f"{name}.singer").read_text("utf-8")
    return [line for line in text.splitlines() if line]


def _records(name: str) -> int:
    return sum(json.loads(line)["type"] == "RECORD" for line in _stream(name))


class TestStandard(_Suite):  # type: ignore[misc]  # the factory's class has no static type
    """The standard suite, with a sandbox that has the tasks that its records name.

    Its streams are not ours, so the settings say that their records are updates; they hold no
    update's members, so every one of them is rejected, which must never end the run.
    """

    @pytest.fixture
    def runner(self, stage: Stage) -> Iterator[TargetTestRunner]:
        """A runner on a stage of its own."""
        for task_id in range(1, 13):
            stage.sandbox.create_task(task_id)
        with signals_kept():
            runner = TargetTestRunner(
                TargetReplyTasks, config={**stage.settings, "default_operation": "update"}
            )
            yield runner
        if runner.target_input is not None:
            runner.target_input.close()  # the SDK leaves it open

    def test_target_record_missing_key_property(self, stage: Stage) -> None:
        """The SDK expects MissingKeyPropertiesError, which ends the run.

        Here a record without its key is a rejection (the contract names ``/id``), and the run goes
        on: one bad row of a CRM must not hold back the others.
        """
        ended = stage.run(*_stream("record_missing_key_property"), default_operation="update")
        row = stage.fate()
        assert (row["outcome"], row["reason"]) == ("rejected", "invalid_record")
        assert "/id" in row["detail"]
        assert ended.exit_code == 2

    def test_target_record_missing_required_property(
        self, config: Any, resource: Any, runner: TargetTestRunner
    ) -> None:
        """The SDK leaves it out of its suite; it applies here."""
        TargetRecordMissingRequiredProperty().run(config, resource, runner)


def test_the_whole_standard_suite_is_wired_in() -> None:
    """Every test of the SDK's target suite is run or replaced here."""
    names = {f"test_target_{test.name}" for test in target_tests.tests}
    assert names <= set(dir(TestStandard))
    assert len(names) >= 16


@pytest.mark.parametrize(
    "name",
    [
        "array_data",
        "camelcase",
        "duplicate_records",
        "encoded_string_data",
        "no_primary_keys",
        "optional_attributes",
        "record_missing_fields",
        "schema_updates",
        "special_chars_in_attributes",
    ],
)
def test_no_record_of_the_standard_streams_is_lost(stage: Stage, name: str) -> None:
    """Strange characters, types and keys: as many rows as records, and the last STATE leaves."""
    ended = stage.run(*_stream(name), default_operation="update")
    assert len(stage.operations()) == _records(name)
    assert {reason for _, _, reason in stage.fates()} == {"invalid_record"}
    states = [json.loads(line)["value"] for line in _stream(name) if '"STATE"' in line]
    assert ended.states == states


def test_multiple_state_messages_leave_one_by_one(stage: Stage) -> None:
    """The SDK's own test (left out of its suite) expects STATEs to be merged when sinks drain.

    Here each leaves as soon as what it covers is settled, so none is merged into another.
    """
    ended = stage.run(*_stream("multiple_state_messages"), default_operation="update")
    states = [
        json.loads(line)["value"]
        for line in _stream("multiple_state_messages")
        if '"STATE"' in line
    ]
    assert ended.states == states
    assert len(states) > 3
