"""What the sandbox never answers: pages that overlap, and pages that never end."""

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

import pytest

from reply_tasks.api.answers import Answer, AnswerKind
from reply_tasks.api.backoff import Backoff
from reply_tasks.api.dialect import PREVIEW_FORM, RequestForm
from reply_tasks.settings import TapSettings
from tap_reply_tasks.reply_reader import Effects, ReadError, ReplyReader

if TYPE_CHECKING:
    from reply_tasks.api.client import ReplyClient


class Pages:
    """A client whose list answers are written down beforehand."""

    def __init__(self, *answers: object) -> None:
        self._answers = iter(answers)
        self.skips: list[int] = []

    def know_form(self) -> RequestForm:
        """How requests are written does not matter here."""
        return PREVIEW_FORM

    def filter_tasks(self, body: object, top: int, skip: int) -> Answer:
        """The next answer."""
        del body, top
        self.skips.append(skip)
        answer = next(self._answers)
        if isinstance(answer, Answer):
            return answer
        return Answer(AnswerKind.RESPONSE, 200, data=answer)


def _page(*ids: object, more: object = True) -> dict[str, Any]:
    return {"items": [{"id": task_id} for task_id in ids], "hasMore": more}


def _listed(pages: Pages, slept: list[float] | None = None) -> Iterator[Any]:
    settings = TapSettings.from_config({"max_retries": 3})
    waits = [] if slept is None else slept
    effects = Effects(
        client=cast("ReplyClient", pages),
        slot=lambda: None,
        pause=waits.append,
        observe=lambda _: None,
        sleep=waits.append,
        backoff=Backoff(base=1, cap=8),
        random=lambda: 1.0,
    )
    reader = ReplyReader(settings, effects, logging.getLogger("test"))
    return (item["id"] for item in reader.listed())


def test_a_task_on_two_pages_is_emitted_once() -> None:
    """A task that slips onto the next page comes once; pages go on after the rows received."""
    pages = Pages(_page(1, 2, 3), _page(3, 4), _page(5, more=False))
    assert list(_listed(pages)) == [1, 2, 3, 4, 5]
    assert pages.skips == [0, 3, 5]


def test_a_short_page_is_not_the_end() -> None:
    """Only ``hasMore`` says that there are no more."""
    assert list(_listed(Pages(_page(1), _page(2), _page(more=False)))) == [1, 2]


def test_an_empty_page_that_promises_more_ends_the_run() -> None:
    """It would go on for ever; what is not complete is not passed off as complete."""
    listed = _listed(Pages(_page(1), _page(more=True)))
    assert next(listed) == 1
    with pytest.raises(ReadError, match="nothing new"):
        next(listed)


def test_pages_that_bring_nothing_new_end_the_run() -> None:
    """A server that ignores ``skip`` doesn't spend the quota for ever; two such pages may pass."""
    assert list(_listed(Pages(_page(1), _page(1), _page(1), _page(2, more=False)))) == [1, 2]
    with pytest.raises(ReadError, match="nothing new"):
        list(_listed(Pages(*[_page(1)] * 9)))


def test_pages_without_a_word_of_more_go_on_while_they_are_full() -> None:
    """Without ``hasMore``, a page that is not full is the last."""
    full, short = _page(*range(1000)), _page(1000, 1001)
    del full["hasMore"], short["hasMore"]
    assert list(_listed(Pages(full, short))) == list(range(1002))


@pytest.mark.parametrize("more", [None, "yes", 0])
def test_only_true_means_more(more: object) -> None:
    """A flag of another type doesn't make an endless loop."""
    assert list(_listed(Pages(_page(1, more=more)))) == [1]


@pytest.mark.parametrize("answer", [{"hasMore": False}, {"items": None}, {"items": {"id": 1}}])
def test_an_answer_without_items_ends_the_run(answer: object) -> None:
    """It is no list of tasks, and repeating would not make it one."""
    with pytest.raises(ReadError, match="holds no items"):
        list(_listed(Pages(answer)))


def test_what_has_no_integer_id_is_passed_over() -> None:
    """Such an item can be no row: the key of the stream is the id."""
    page = {"items": [{"id": None}, "x", {}, {"id": 2}], "hasMore": False}
    assert list(_listed(Pages(page))) == [2]


def test_repeats_are_bounded_and_back_off() -> None:
    """After the retries that are set the run ends, and each wait is longer than the last."""
    slept: list[float] = []
    down = Answer(AnswerKind.NOT_CONNECTED, error="could not connect: refused")
    with pytest.raises(ReadError, match=r"tried 4 times: could not connect: refused\. Run again"):
        list(_listed(Pages(*[down] * 9), slept))
    assert slept == [1, 2, 4]


def test_a_429_does_not_use_up_the_retries() -> None:
    """It did nothing and says when to come back; without a word of it, ten seconds pass."""
    slept: list[float] = []
    told = Answer(AnswerKind.RESPONSE, 429, retry_after=7)
    untold = Answer(AnswerKind.RESPONSE, 429)
    pages = Pages(*[told] * 5, untold, _page(1, more=False))
    assert list(_listed(pages, slept)) == [1]
    assert slept == [7, 7, 7, 7, 7, 10]
