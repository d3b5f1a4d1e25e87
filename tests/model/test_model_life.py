"""Creations, changes and closings by the CRM's key, with deaths and lost answers in any order.

Two keys of one contact are equal rows, so that the tasks of lost creations can hardly be told
apart: whatever happens, no key is created twice, and nothing is lost.
"""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from any_order import holds_in_any_order
from crash_nursery import Order
from crash_steps import STEPS
from hypothesis import Phase
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from life_world import Ask, LifeWorld, asks
from messages import lines

from reply_tasks.ledger import open_engine
from reply_tasks.ledger.pruning import prune
from reply_tasks.sandbox import EffectKind, Endpoint, FaultKind, When
from reply_tasks.sandbox.calls import BATCHES

_ALONE = (Endpoint.CREATE, Endpoint.CREATE, Endpoint.COMPLETE, Endpoint.DELETE, Endpoint.ASSIGN)
_GUARDED = (*_ALONE, *sorted(BATCHES))
# Each goes on for minutes.
pytestmark = pytest.mark.e2e


class LifeModel(LifeWorld):
    """What may happen, in any order."""

    @rule(asked=asks, missing=st.booleans(), concurrency=st.sampled_from([1, 4]))
    def run_to_the_end(self, *, asked: list[Ask], missing: bool, concurrency: int) -> None:
        """A run without trouble."""
        self._ask(asked)
        self._run(create_missing=missing, concurrency=concurrency)

    @precondition(lambda self: self.input)
    @rule(from_the_start=st.booleans(), missing=st.booleans())
    def replay(self, *, from_the_start: bool, missing: bool) -> None:
        """The source sends its last input again: from its last STATE, or all of it."""
        if from_the_start:
            self.safe = 0
        self._run(create_missing=missing)

    @rule(
        asked=asks,
        endpoint=st.sampled_from(_GUARDED),
        kind=st.sampled_from([FaultKind.DROP, FaultKind.SERVER_ERROR, FaultKind.HOLLOW]),
        when=st.sampled_from(When),
        times=st.integers(1, 3),
        hold=st.booleans(),
        missing=st.booleans(),
    )
    def lose_answers(
        self,
        *,
        asked: list[Ask],
        endpoint: Endpoint,
        kind: FaultKind,
        when: When,
        times: int,
        hold: bool,
        missing: bool,
    ) -> None:
        """A run on which some answers are lost."""
        self._ask(asked)
        self.server.fault(kind, endpoint=endpoint, when=when, times=times)
        self._run(on_lost_answer="hold" if hold else "verify", create_missing=missing)

    @rule(
        asked=asks,
        step=st.sampled_from(sorted(STEPS)),
        nth=st.integers(1, 4),
        missing=st.booleans(),
    )
    def crash(self, *, asked: list[Ask], step: str, nth: int, missing: bool) -> None:
        """A run that dies by SIGKILL at a step of its life, if it comes there."""
        self._ask(asked)
        folder, before = self.stage.folder, datetime.now(UTC)
        config, given = self.stage._files(
            lines(*self._messages()), {"create_missing": missing, "keep_repeats": True}
        )
        self.nursery.run(
            Order(
                arguments=["--config", str(config)],
                stdin=str(given),
                stdout=str(folder / "states"),
                stderr=str(folder / "log"),
                step=step,
                nth=nth,
            )
        )
        self._after_a_death(before)

    @rule(knows=st.booleans())
    def the_operator_resolves(self, *, knows: bool) -> None:
        """By looking once; or an operator who has looked into Reply says what happened."""
        if not (self.stage.folder / "ledger.db").exists():
            return
        if knows:
            self._tell_the_truth()
        else:
            self._resolve()

    @rule(texts_only=st.booleans())
    def prune(self, *, texts_only: bool) -> None:
        """All that may go from the ledger goes, however young."""
        if not (self.stage.folder / "ledger.db").exists():
            return
        engine = open_engine(self.stage.settings["ledger_url"])
        try:
            prune(engine, before=datetime.now(UTC), texts_only=texts_only)
        finally:
            engine.dispose()

    def teardown(self) -> None:
        """Whatever happened: in the end every task that was made is the task of a key."""
        try:
            if self.input:
                self.replay(from_the_start=True, missing=False)
                self._tell_the_truth()
                self.replay(from_the_start=True, missing=False)
                self._tell_the_truth()
                made = {e.task.id for e in self.server.effects_of(EffectKind.CREATED)}
                assert made == self._created(), "a task was made that is nobody's"
            self.no_key_is_created_twice()
            self.nothing_is_done_twice()
        finally:
            self.stage.close()
            shutil.rmtree(self.stage.folder)


def test_every_order_of_lives_keeps_the_promises(quick_folder: Path) -> None:
    """Hundreds of steps; REPLY_TASKS_MODEL_ANEW=1 draws others than last time."""
    holds_in_any_order(
        LifeModel,
        quick_folder,
        examples=8,
        steps=20,
        phases=[Phase.generate, Phase.shrink],
    )
