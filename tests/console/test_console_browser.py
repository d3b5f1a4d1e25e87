"""The console in a real browser: what a team lead sees and does, wide, narrow, and by keyboard."""

import shutil
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from console_world import Visitor, hold, serving
from messages import execution, update
from playwright.sync_api import Browser, Page, expect, sync_playwright
from target_runs import Stage

from reply_tasks.contract.enums import TaskType
from reply_tasks.sandbox import Endpoint, FaultKind

pytestmark = pytest.mark.e2e

WIDTHS = [1280, 390]
PAGES = ("/", "/held", "/sent", "/uncertain", "/rejected", "/find?key=3", "/tasks/3", "/nowhere")
NASTY = (
    "<h1>Win!</h1><script>document.title='owned'</script>"
    "<img src=x onerror=\"document.title='owned'\">"
    "</div></form><form action='/held' method='post'><button name='do'>Approve</button></form>"
)
#: Other violations are looked at, not failed on: their rules are advice.
SERIOUS = {"serious", "critical"}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, or another that is on the path."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield launched
        launched.close()


def opened(browser: Browser, visitor: Visitor, width: int = 1280, *, csp: bool = True) -> Page:
    """A window of that width on the console, come in by the printed address."""
    context = browser.new_context(viewport={"width": width, "height": 844}, bypass_csp=not csp)
    page = context.new_page()
    page.set_default_timeout(30_000)
    page.goto(visitor.address)
    return page


def outbox(stage: Stage) -> list[tuple[int, str]]:
    stage.run(executions_without_approval=0)
    return sorted((each.task_id, each.body) for each in stage.sandbox.outbox)


@pytest.mark.parametrize("width", WIDTHS)
def test_two_of_three_are_approved_one_is_declined_and_just_those_are_sent(
    stage: Stage, browser: Browser, width: int
) -> None:
    """A person ticks, approves, declines with a reason; the next run sends what they saw."""
    hold(stage, {1: "Hi Ada.", 2: "Hi Bob.", 3: "Hi Cid."})
    with serving(stage) as visitor:
        page = opened(browser, visitor, width)
        page.get_by_role("link", name="3 to approve or decline").click()
        cards = page.get_by_role("article")
        for text in ("Hi Ada.", "Hi Cid."):
            cards.filter(has_text=text).get_by_role("checkbox").check()
        page.get_by_role("button", name="Approve the ticked ones").click()
        expect(page.get_by_role("status")).to_contain_text("Approved: 2 messages")
        card = cards.filter(has_text="Hi Bob.")
        card.get_by_text("Decline …").click()
        card.get_by_label("Why not").fill("a typing error")
        card.get_by_role("button", name="Decline").click()
        expect(page.get_by_role("status")).to_contain_text("Declined: 1 message")
        assert outbox(stage) == [(1, "Hi Ada."), (3, "Hi Cid.")]
        page.get_by_role("link", name="Sent", exact=True).click()
        expect(page.get_by_role("article")).to_have_count(2)
        expect(page.locator("main")).to_contain_text("approved by ann")
        page.get_by_role("link", name="Rejected", exact=True).click()
        expect(page.locator("main")).to_contain_text("Declined by ann: a typing error")


@pytest.mark.parametrize("width", WIDTHS)
def test_every_page_is_accessible_and_fits(stage: Stage, browser: Browser, width: int) -> None:
    """axe-core finds nothing serious, nothing is cut off, and no page asks another host."""
    fill(stage)
    with serving(stage) as visitor:
        # axe is a script, which the console's own policy would forbid.
        page = opened(browser, visitor, width, csp=False)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        for path in PAGES:
            page.goto(visitor.root + path)
            for closed in page.locator("summary").all():
                closed.click()
            found = Axe().run(page).response["violations"]
            assert [each["id"] for each in found if each["impact"] in SERIOUS] == [], path
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert all(url.startswith(visitor.root) for url in asked)


def test_a_text_full_of_markup_and_scripts_is_a_text(stage: Stage, browser: Browser) -> None:
    """Nothing of it runs, draws or adds a button; a person reads it as it is."""
    hold(stage, {1: NASTY})
    with serving(stage) as visitor:
        page = opened(browser, visitor)
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.goto(f"{visitor.root}/held")
        expect(page.get_by_text(NASTY)).to_be_visible()
        expect(page).to_have_title("Waiting for approval · reply-tasks")
        expect(page.get_by_role("heading", level=1)).to_have_count(1)
        expect(page.locator("form")).to_have_count(1)
        assert said == []


def test_a_keyboard_is_enough_and_enter_in_a_field_approves_nothing(
    stage: Stage, browser: Browser
) -> None:
    """By Tab from the top to a message's box and to the button; what has the focus shows it."""
    hold(stage, {1: "Hi Ada.", 2: "Hi Bob."})
    with serving(stage) as visitor:
        page = opened(browser, visitor)
        page.goto(f"{visitor.root}/held")
        page.keyboard.press("Tab")
        assert focused(page) == "Skip to the content"
        tab_to(page, "checkbox")
        page.keyboard.press("Space")
        page.get_by_label("Why not").last.focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("checkbox").first).to_be_checked()
        page.get_by_role("checkbox").first.focus()
        tab_to(page, "Approve the ticked ones")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
        assert outline != "0px"
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_contain_text("Approved: 1 message")
        assert outbox(stage) == [(1, "Hi Ada.")]


def test_an_uncertain_one_is_settled_after_a_look(stage: Stage, browser: Browser) -> None:
    """The browser itself holds the form back until the person says that they have looked."""
    fill(stage)
    with serving(stage) as visitor:
        page = opened(browser, visitor)
        page.goto(f"{visitor.root}/uncertain")
        page.get_by_role("button", name="It was sent").click()
        expect(page.get_by_role("status")).to_have_count(0)
        page.get_by_label("I have looked").check()
        page.get_by_role("button", name="It was sent").click()
        expect(page.get_by_role("status")).to_contain_text("is settled: applied")


def test_nothing_is_decided_twice_by_going_back_and_loading_anew(
    stage: Stage, browser: Browser
) -> None:
    """Reload after a decision is a look; Back and a button again send the first message no more."""
    hold(stage, {1: "Hi Ada.", 2: "Hi Bob."})
    with serving(stage) as visitor:
        page = opened(browser, visitor)
        page.goto(f"{visitor.root}/held")
        page.get_by_role("button", name="Approve", exact=False).first.click()
        expect(page.get_by_role("status")).to_contain_text("Approved: 1 message")
        page.reload()
        expect(page.get_by_role("status")).to_have_count(0)
        assert outbox(stage) == [(1, "Hi Ada.")]
        page.go_back()
        page.get_by_role("button", name="Approve", exact=False).first.click()
        page.wait_for_load_state()
        assert [sent for sent in outbox(stage) if sent[0] == 1] == [(1, "Hi Ada.")]


def fill(stage: Stage) -> None:
    """Something on every page: applied, sent, rejected, uncertain, approved, held, not yet seen."""
    for task_id in range(1, 9):
        stage.sandbox.create_task(task_id, task_type=TaskType.MANUAL_EMAIL)
    stage.sandbox.fault(FaultKind.DROP, endpoint=Endpoint.EXECUTE, task_id=7)
    letter = {"subject": "Renewal", "body": "<p>Hi <b>Ada</b>,</p><p>see you.</p>"}
    stage.run(
        update(404),
        update(5, dueTo="nonsense"),
        execution(3, content=letter, externalId="crm-3"),
        execution(7, content=letter),
        on_lost_answer="hold",
    )
    stage.run(
        *(execution(task_id, content=letter) for task_id in (1, 2)),
        execution(4, content={"subject": "S", "body": "word " * 400 + "x" * 400}),
        execution(8),
        executions_without_approval=0,
        allow_placeholders=True,
    )
    with serving(stage) as visitor:
        visitor.open().post("/held", ("approve", visitor.shown()[0]))


def focused(page: Page) -> str:
    text: str = page.evaluate(
        "(e => e.type === 'checkbox' ? 'checkbox' : e.innerText.trim())(document.activeElement)"
    )
    return text


def tab_to(page: Page, name: str) -> None:
    """Press Tab until that has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if focused(page) == name:
            return
    pytest.fail(f"Tab never comes to {name}")
