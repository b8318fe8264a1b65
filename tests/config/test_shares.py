"""Whom sessions are shared with: what is kept, what the policy leaves of it, and what cannot be read."""

from pathlib import Path

import pytest

from codemad_jupyter.config.policy import find_policy
from codemad_jupyter.config.shares import FILE, MOST, SharedSessions
from codemad_jupyter.protocol.errors import NotFound, SetByAdministrator, UsageError
from codemad_jupyter.protocol.policy import Policy, closed
from codemad_jupyter.protocol.sharing import Share


def share(session: str = "s1", guest: str = "ben", permission: str = "drive") -> Share:
    return Share.model_validate({"session": session, "guest": guest, "permission": permission})


def test_a_share_is_kept_replaced_and_taken_back(tmp_path: Path) -> None:
    kept = SharedSessions(tmp_path)
    assert kept.permission("s1", "ben") is None
    kept.share(share())
    kept.share(share(permission="read"))
    kept.share(share(session="s2"))
    again = SharedSessions(tmp_path)
    assert [each.permission for each in again.listed()] == ["read", "drive"]
    assert again.permission("s1", "cleo") is None
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0
    again.unshare("s1", "ben")
    assert kept.permission("s1", "ben") is None
    with pytest.raises(NotFound):
        kept.unshare("s1", "ben")


@pytest.mark.parametrize(
    ("most", "left"), [("drive", "drive"), ("comment", "comment"), ("read", "read"), ("none", None)]
)
def test_a_policy_holds_down_what_was_shared_before(tmp_path: Path, most: str, left: str | None) -> None:
    SharedSessions(tmp_path).share(share())
    policy = Policy.model_validate({"place": "/etc/codemad/policy.toml", "sharing": most})
    held = SharedSessions(tmp_path, policy=policy)
    assert held.permission("s1", "ben") == left
    if left != "drive":
        with pytest.raises(SetByAdministrator):
            held.share(share(session="s2"))


def test_a_policy_that_cannot_be_understood_shares_nothing(tmp_path: Path) -> None:
    SharedSessions(tmp_path).share(share(permission="read"))
    assert SharedSessions(tmp_path, policy=closed("x")).listed() == ()


def test_the_policy_file_says_how_far(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text('sharing = "read"\n')
    assert find_policy(system=path, environ={}).policy.sharing == "read"
    path.write_text('sharing = "all"\n')
    found = find_policy(system=path, environ={})
    assert found.problem
    assert found.policy.sharing == "none"


@pytest.mark.parametrize(
    "data", [b"{", b'[{"session": "s1"}]', b'[{"session":"s1","guest":"b","permission":"own"}]']
)
def test_a_file_that_is_damaged_shares_nothing_and_is_kept(tmp_path: Path, data: bytes) -> None:
    (tmp_path / FILE).write_bytes(data)
    kept = SharedSessions(tmp_path)
    assert kept.permission("s1", "b") is None
    for work in (kept.listed, lambda: kept.share(share()), lambda: kept.unshare("s1", "b")):
        with pytest.raises(UsageError, match="nobody sees any now") as refused:
            work()
        assert "Mend the file" in refused.value.hint
    assert (tmp_path / FILE).read_bytes() == data


def test_there_are_bounds_and_a_reason_where_nothing_can_be_shared(tmp_path: Path) -> None:
    kept = SharedSessions(tmp_path)
    kept._write(tuple(share(session=f"s{number}") for number in range(MOST)))
    with pytest.raises(UsageError, match="the most"):
        kept.share(share(session="one-more"))
    with pytest.raises(UsageError, match="no relay") as refused:
        SharedSessions(tmp_path / "x", problem="There is no relay.").share(share())
    assert "codemad relay serve" in refused.value.hint
