"""The rate limits of a user: sliding windows, an honest Retry-After, and the observed headers."""

from sandbox_client import client_of, sandbox

from reply_tasks.sandbox import Endpoint, User


class Clock:
    """Time that a test moves by hand."""

    def __init__(self) -> None:
        self.now = 1_788_000_000.0

    def __call__(self) -> float:
        """Epoch seconds."""
        return self.now


def test_the_minute_slides_and_retry_after_is_honest() -> None:
    """A refused call would succeed after Retry-After seconds, and not a second before."""
    clock = Clock()
    with sandbox(requests_per_minute=3, requests_per_hour=100, clock=clock) as api:
        for _ in range(3):
            assert api.call("GET", "/whoami").status_code == 200
            clock.now += 7.5
        refused = api.call("GET", "/whoami")
        assert refused.status_code == 429
        wait = int(refused.headers["Retry-After"])
        assert wait == 38  # the first call is 22.5 s old
        assert refused.json() == {
            "title": "Too Many Requests",
            "status": 429,
            "detail": "Rate limit exceeded. Retry after 38 seconds.",
        }
        clock.now += wait - 1
        assert api.call("GET", "/whoami").status_code == 429
        clock.now += 1
        assert api.call("GET", "/whoami").status_code == 200
        assert api.call("GET", "/whoami").status_code == 429


def test_the_hour_counts_too() -> None:
    """When both windows are full the longer wait is told."""
    clock = Clock()
    with sandbox(requests_per_minute=2, requests_per_hour=3, clock=clock) as api:
        statuses = []
        for _ in range(4):
            statuses.append(api.call("GET", "/whoami").status_code)
            clock.now += 40
        refused = api.call("GET", "/whoami")
    assert statuses == [200, 200, 200, 429]
    assert refused.headers["Retry-After"] == str(3600 - 160)


def test_a_429_has_no_effect_and_is_not_counted() -> None:
    """A refused execution sends nothing."""
    clock = Clock()
    with sandbox(requests_per_minute=1, requests_per_hour=None, clock=clock) as api:
        task = api.server.create_task()
        api.call("GET", "/whoami")
        for _ in range(5):
            assert api.execute(task.id).status_code == 429
        assert api.server.outbox == []
        clock.now += 60
        assert api.execute(task.id).status_code == 200
        assert [call.effect for call in api.server.calls_of(Endpoint.EXECUTE)] == [
            *[False] * 5,
            True,
        ]


def test_every_answer_tells_of_the_hour() -> None:
    """The three headers are there on success, refusal, 401 and 404 alike."""
    clock = Clock()
    with sandbox(requests_per_minute=3, requests_per_hour=3000, clock=clock) as api:
        answers = [
            api.call("GET", "/whoami"),
            api.call("GET", "/nowhere"),
            api.get(99),
            api.call("GET", "/whoami"),
            api.call("GET", "/whoami", headers={"X-API-Key": "wrong"}),
        ]
    assert [answer.status_code for answer in answers] == [200, 404, 404, 429, 401]
    remaining = [answer.headers["x-rate-limit-remaining"] for answer in answers]
    assert remaining == ["2999", "2998", "2997", "2997", "3000"]
    for answer in answers:
        assert answer.headers["x-rate-limit-limit"] == "1h"
        assert answer.headers["x-rate-limit-reset"] == "2026-08-29T11:40:00.0000000Z"


def test_each_acting_user_has_a_quota_of_its_own() -> None:
    """A team key spends the quota of the user it acts as."""
    keys = {"team": [User(1), User(2)]}
    with (
        sandbox(keys=keys, requests_per_minute=1) as api,
        client_of(api.server, key="team") as owner,
        client_of(api.server, key="team", acting={"X-USER-ID": "2"}) as other,
    ):
        statuses = [client.call("GET", "/whoami").status_code for client in (owner, owner, other)]
    assert statuses == [200, 429, 200]


def test_another_program_can_spend_the_quota() -> None:
    """In process and over HTTP, now or some time ago; control calls themselves cost nothing."""
    clock = Clock()
    with sandbox(requests_per_minute=100, requests_per_hour=3000, clock=clock) as api:
        api.server.spend(98, seconds_ago=50)
        quota = api.control("POST", "spend", {"user": 1, "calls": 2}).json()
        assert quota == api.control("GET", "quota").json()
        assert quota["1"]["1m"] == {"limit": 100, "used": 100, "wait": 10.0}
        assert quota["1"]["1h"] == {"limit": 3000, "used": 100, "wait": 0.0}
        assert api.call("GET", "/whoami").headers["Retry-After"] == "10"


def test_limits_can_be_off() -> None:
    """Then no header speaks of them."""
    with sandbox(requests_per_minute=None, requests_per_hour=None) as api:
        answers = [api.call("GET", "/whoami") for _ in range(150)]
    assert {answer.status_code for answer in answers} == {200}
    assert "x-rate-limit-limit" not in answers[0].headers
