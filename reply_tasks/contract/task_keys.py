"""Keys of tasks whose id is not known yet: negative integers, where every id is positive.

Order, claims and what is remembered go by one integer a task. A record that names its task by the
CRM's own key, or that creates it, has such a key until the id is known.
"""

import hashlib

#: So many bits are below the sign: what a database's integer holds, and no two keys of ours share.
_BITS = 62


def key_of_external_id(external_id: str | int) -> int:
    """The key of the task that an external id will stand for."""
    return _key(f"external id\n{external_id}")


def key_of_body(hashed: str, act_as_user_id: int | None) -> int:
    """The key of a task that is made without an external id: the same body is the same task.

    For each Reply user that makes it, who is the one to work on it.
    """
    user = "" if act_as_user_id is None else f"\nuser {act_as_user_id}"
    return _key(f"body\n{hashed}{user}")


def key_of_creation(external_id: str | int | None, hashed: str, act_as_user_id: int | None) -> int:
    """The key of a task that a creation makes."""
    if external_id is not None:
        return key_of_external_id(external_id)
    return key_of_body(hashed, act_as_user_id)


def _key(text: str) -> int:
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return -1 - (int.from_bytes(digest[:8]) >> (64 - _BITS))
