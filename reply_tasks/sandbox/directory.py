"""Look-ups beside tasks: who calls, the team's users, contacts and mailboxes."""

from typing import Any

from reply_tasks.sandbox.assumptions import EmailSearch, TeamUsers
from reply_tasks.sandbox.contacts import Contact, id_in
from reply_tasks.sandbox.mailboxes import ConnectionStatus, Mailbox, MailboxType
from reply_tasks.sandbox.messages import Answer
from reply_tasks.sandbox.problems import business
from reply_tasks.sandbox.visit import Visit, page_of


def whoami(visit: Visit) -> Answer:
    """The acting user."""
    user = visit.user
    return Answer.of({"userId": user.id, "username": user.email, "teamId": user.team_id})


def team_users(visit: Visit) -> Answer:
    """Every user in one array, or a Problem 403 where the account is in no organization."""
    account, own = visit.account, visit.user.team_id
    if not account.in_organization:
        detail = "The account belongs to no organization."
        raise business(403, "workspace.organizationRequired", detail)
    everybody = visit.assumed.team_users is TeamUsers.EVERY_TEAM
    return Answer.of(
        [
            {
                "teamId": user.team_id,
                "teamName": f"Team {user.team_id}",
                "userId": user.id,
                "userName": user.name,
                "userEmail": user.email,
            }
            for user in account.users
            if everybody or user.team_id == own
        ]
    )


def contacts(visit: Visit) -> Answer:
    """The contacts, those with an address or a profile if one is asked for."""
    page = page_of(visit.request)
    page.check("contact")
    email, profile = visit.request.query.get("email"), visit.request.query.get("linkedIn")
    ids = {task.contact_id for task in visit.store.visible() if task.contact_id is not None}
    named = None if email is None else id_in(email)
    known = visit.account.contacts.known(ids if named is None else {*ids, named})
    found = [
        contact
        for contact in known
        if (email is None or _matches(contact.email, email, visit))
        and profile in {None, contact.linked_in_url}
    ]
    items, has_more = page.of(found)
    return Answer.of({"items": [_contact_json(each) for each in items], "hasMore": has_more})


def contact(visit: Visit) -> Answer:
    """One contact, or a Problem 404."""
    number = visit.route.contact_id or 0
    found = visit.account.contacts.of(number)
    if found.hidden:
        raise business(404, "contact.notFound", f"Contact with ID {number} not found.")
    return Answer.of(_contact_json(found))


def email_accounts(visit: Visit) -> Answer:
    """The mailboxes of the team, or the caller's own."""
    page = page_of(visit.request)
    page.check("emailAccount")
    mine = visit.flag("my")
    found = [
        each for each in _of_the_team(visit) if not mine or each.owner_user_id == visit.user.id
    ]
    items, has_more = page.of(found)
    return Answer.of({"items": [_mailbox_json(each) for each in items], "hasMore": has_more})


def filter_email_accounts(visit: Visit) -> Answer:
    """The mailboxes of the team that pass every part of the filter, in short."""
    page = page_of(visit.request)
    page.check("emailAccount")
    form = visit.form()
    status, kind, email = form.text("status"), form.text("emailAccountType"), form.text("email")
    for name, value, choices in (
        ("status", status, set(ConnectionStatus)),
        ("emailAccountType", kind, set(MailboxType)),
    ):
        if value is not None and value not in choices:
            form.wrong(name, f"'{name}' has a range of values which does not include '{value}'.")
    domains, owners = form.texts("domains"), form.numbers("ownerUserIds")
    tags = form.texts("tags")
    form.check()
    found = [
        mailbox
        for mailbox in _of_the_team(visit)
        if status in {None, mailbox.status}
        and kind in {None, mailbox.type}
        and (email is None or _matches(mailbox.email, email, visit))
        and (not domains or mailbox.email.rpartition("@")[2] in domains)
        and (not owners or mailbox.owner_user_id in owners)
        and (not tags or set(tags) & set(mailbox.tags))
    ]
    items, has_more = page.of(found)
    short = ("id", "email", "ownerUserId", "isDefault", "connectionStatus")
    documents = [{name: _mailbox_json(each)[name] for name in short} for each in items]
    return Answer.of({"items": documents, "hasMore": has_more})


def _of_the_team(visit: Visit) -> list[Mailbox]:
    team = {user.id for user in visit.account.users if user.team_id == visit.user.team_id}
    return [each for each in visit.account.mailboxes.all() if each.owner_user_id in team]


def _matches(address: str, wanted: str, visit: Visit) -> bool:
    exact = visit.assumed.email_search is EmailSearch.EXACT
    text, part = address.lower(), wanted.lower()
    return text == part if exact else part in text


def _contact_json(contact: Contact) -> dict[str, Any]:
    return {
        "id": contact.id,
        "email": contact.email or None,
        "firstName": contact.first_name,
        "lastName": contact.last_name,
        "phone": contact.phone or None,
        "company": contact.company,
        "title": contact.title,
        "timeZoneId": contact.time_zone,
        "linkedInUrl": contact.linked_in_url or None,
        "ownerUserId": contact.owner_user_id,
        "accountId": None,
        "isOptedOut": contact.is_opted_out,
        "callStatus": None,
        "meetingStatus": None,
        "customFields": [],
    }


def _mailbox_json(mailbox: Mailbox) -> dict[str, Any]:
    return {
        "id": mailbox.id,
        "ownerUserId": mailbox.owner_user_id,
        "email": mailbox.email,
        "senderName": mailbox.sender_name,
        "emailAccountType": mailbox.type.value,
        "isDefault": mailbox.is_default,
        "dailyLimit": mailbox.daily_limit,
        "connectionStatus": mailbox.status.value,
        "tags": list(mailbox.tags),
    }
