"""Look-ups beside tasks: the team's users, contacts and mailboxes."""

import pytest
from sandbox_client import Client, client_of, sandbox

from reply_tasks.sandbox import Assumptions, Contact, Key, Mailbox, Task, TaskMembers, User
from reply_tasks.sandbox.assumptions import ForeignMailbox
from reply_tasks.sandbox.contacts import contact_of

PEOPLE = [
    User(1, "owner@example.com", "Olga Owner"),
    User(2, "two@example.com"),
    User(3, "three@example.com", team_id=2),
]


def emails(api: Client, query: str) -> list[object]:
    """The addresses that a search of contacts finds."""
    return [item["email"] for item in api.call("GET", f"/contacts?{query}").json()["items"]]


def test_the_users_of_an_organization() -> None:
    """One array, no page; each with the team."""
    keys = {"k": PEOPLE, "other": PEOPLE[:1]}
    with sandbox(keys=keys) as api, client_of(api.server, key="k") as client:
        users = client.call("GET", "/whoami/team-users").json()
    assert [user["userId"] for user in users] == [1, 2, 3]
    assert users[0] == {
        "teamId": 1,
        "teamName": "Team 1",
        "userId": 1,
        "userName": "Olga Owner",
        "userEmail": "owner@example.com",
    }


def test_an_account_outside_an_organization_has_no_list_of_users() -> None:
    """403 workspace.organizationRequired."""
    with sandbox(in_organization=False) as api:
        answer = api.call("GET", "/whoami/team-users")
    assert (answer.status_code, answer.json()["code"]) == (
        403,
        "workspace.organizationRequired",
    )


def test_a_contact_is_found_by_its_address() -> None:
    """One that was made, one that a task names, and one that nobody has named yet."""
    with sandbox(tasks=[Task(1, contact_id=1003)]) as api:
        made = api.server.create_contact(email="Ann@Crm.Example", first_name="Ann")
        assert emails(api, "email=ann@crm.example") == ["Ann@Crm.Example"]
        for number in (1003, 2222):
            address = contact_of(number).email
            assert emails(api, f"email={address.upper()}") == [address]
        assert emails(api, "email=nobody@crm.example") == []
        assert emails(api, f"linkedIn={made.linked_in_url}") == ["Ann@Crm.Example"]
        assert emails(api, "") == [contact_of(1003).email, "Ann@Crm.Example"]


def test_two_contacts_may_have_one_address() -> None:
    """Then a look-up by it is ambiguous."""
    with sandbox() as api:
        one, two = (api.server.create_contact(email="ann@crm.example") for _ in range(2))
        page = api.call("GET", "/contacts?email=ann@crm.example&top=1").json()
        assert ([item["id"] for item in page["items"]], page["hasMore"]) == ([one.id], True)
        page = api.call("GET", "/contacts?email=ann@crm.example&top=1&skip=1").json()
        assert ([item["id"] for item in page["items"]], page["hasMore"]) == ([two.id], False)


def test_a_hidden_contact_is_found_by_no_look_up() -> None:
    """404 contact.notFound by id; 400 contact.invalidInput for what is no id."""
    with sandbox() as api:
        api.server.create_contact(7, hidden=True)
        assert api.call("GET", "/contacts/8").json()["email"] == contact_of(8).email
        answers = [api.call("GET", f"/contacts/{text}") for text in ("7", "0", "x", "9" * 20)]
        assert emails(api, f"email={contact_of(7).email}") == []
    assert [(each.status_code, each.json()["code"]) for each in answers] == [
        (404, "contact.notFound"),
        *[(400, "contact.invalidInput")] * 3,
    ]


def test_a_made_contact_is_whom_its_tasks_reach() -> None:
    """In the list, in the text, in the delivery info, in the outbox."""
    with sandbox(contacts=[replaced(4, email="four@crm.example", first_name="Fay")]) as api:
        api.server.create_task(1, **about(4))
        api.server.create_task(2, **about(api.server.create_contact(email="").id))
        named = api.call("GET", "/tasks").json()["items"][0]["contact"]
        assert named == {"id": 4, "fullName": f"Fay {contact_of(4).last_name}"}
        assert api.get(1).json()["deliveryInfo"]["email"] == "four@crm.example"
        assert api.get(2).json()["deliveryInfo"] is None
        assert [api.execute(number).status_code for number in (1, 2)] == [200, 409]
        assert [(sent.to, sent.body) for sent in api.server.outbox] == [
            ("four@crm.example", "Hello Fay")
        ]


def replaced(contact_id: int, *, email: str, first_name: str) -> Contact:
    """Somebody made up, with an address and a name of ours."""
    made = contact_of(contact_id)
    return Contact(
        contact_id,
        first_name,
        made.last_name,
        made.company,
        made.title,
        made.city,
        made.time_zone,
        email,
        made.phone,
        made.linked_in_url,
    )


def about(contact_id: int) -> TaskMembers:
    """A task of this contact."""
    return {"contact_id": contact_id}


def test_each_user_has_a_mailbox() -> None:
    """The team's own are listed, or the caller's; each sends from its default one."""
    with (
        sandbox(tasks=[Task(1)], keys={"k": PEOPLE}) as api,
        client_of(api.server, key="k", acting={"X-USER-ID": "2"}) as client,
    ):
        every = client.call("GET", "/email-accounts").json()
        mine = client.call("GET", "/email-accounts?my=true").json()["items"]
        found = client.call("POST", "/email-accounts/filter", json={"email": "TWO@example.com"})
        assert client.execute(1).status_code == 200
        assert api.server.outbox[0].email_account_id == mine[0]["id"]
    assert [item["ownerUserId"] for item in every["items"]] == [1, 1, 2]
    assert every["hasMore"] is False
    assert [(item["email"], item["isDefault"]) for item in mine] == [("two@example.com", True)]
    assert found.json()["items"] == [
        {
            "id": mine[0]["id"],
            "email": "two@example.com",
            "ownerUserId": 2,
            "isDefault": True,
            "connectionStatus": "connected",
        }
    ]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({}, [5, 6]),
        ({"status": "disconnected"}, [6]),
        ({"emailAccountType": "gmail"}, [5]),
        ({"domains": ["b.example"]}, [6]),
        ({"ownerUserIds": [1], "tags": ["x", "y"]}, [6]),
        ({"ownerUserIds": [9]}, []),
        ({"email": None}, [5, 6]),
    ],
)
def test_mailboxes_by_what_they_are(body: dict[str, object], found: list[int]) -> None:
    """Every part of a filter has to pass."""
    with sandbox(mailboxes=[]) as api:
        made = [
            {"id": 5, "email": "one@a.example", "emailAccountType": "gmail"},
            {"email": "two@b.example", "connectionStatus": "disconnected", "tags": ["y"]},
        ]
        assert api.control("POST", "mailboxes", made).status_code == 200
        answer = api.call("POST", "/email-accounts/filter", json=body)
    assert [item["id"] for item in answer.json()["items"]] == found


@pytest.mark.parametrize(
    ("method", "path", "body", "told"),
    [
        ("GET", "contacts?top=0", None, "contact.invalidPagination"),
        ("GET", "contacts?top=x", None, "/top"),
        ("GET", "email-accounts?skip=-1", None, "emailAccount.invalidPagination"),
        ("GET", "email-accounts?my=perhaps", None, "/my"),
        ("POST", "email-accounts/filter?top=1001", {}, "emailAccount.invalidPagination"),
        ("POST", "email-accounts/filter", {"status": "lost"}, "/status"),
        ("POST", "email-accounts/filter", {"emailAccountType": "post"}, "/emailAccountType"),
        ("POST", "email-accounts/filter", {"tags": "x"}, "/tags"),
    ],
)
def test_a_look_up_that_is_wrong_says_so(method: str, path: str, body: object, told: str) -> None:
    """With the code of its own domain, or the member."""
    with sandbox() as api:
        answer = api.call(method, f"/{path}", json=body)
    assert answer.status_code == 400
    assert told == (answer.json().get("code") or answer.json()["errors"][0]["pointer"])


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        ("contacts", "contacts:read"),
        ("contacts/1", "contacts:read"),
        ("email-accounts", "channels:read"),
    ],
)
def test_a_look_up_needs_a_scope_of_its_own(path: str, scope: str) -> None:
    """Those for tasks do not open it."""
    keys = {"k": Key(PEOPLE, ["tasks:*"]), "l": Key(PEOPLE, [scope])}
    with sandbox(keys=keys) as api:
        with client_of(api.server, key="k") as client:
            answer = client.call("GET", f"/{path}")
            assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
            assert scope in answer.json()["detail"]
        with client_of(api.server, key="l") as client:
            assert client.call("GET", f"/{path}").status_code == 200


def test_only_a_mailbox_of_ones_own_sends_when_so_assumed() -> None:
    """What the user has is what the list of mailboxes says."""
    assumed = Assumptions(foreign_mailbox=ForeignMailbox.REFUSED)
    mailboxes = [Mailbox(8, "a@example.com", 1), Mailbox(9, "b@example.com", 2)]
    keys = {"sandbox-key": PEOPLE}
    with sandbox(tasks=3, keys=keys, mailboxes=mailboxes, assumed=assumed) as api:
        task = api.server.create_task()
        statuses = [
            api.execute(task.id, {"emailAccountId": number}).status_code for number in (9, 1, 8)
        ]
    assert statuses == [400, 400, 200]
