"""A key store of the system's kind that keeps its secrets in this process."""

from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError


class MemoryKeyring(KeyringBackend):
    """What a desktop offers, without a desktop."""

    priority = 9  # type: ignore[assignment]
    viable = False  # type: ignore[assignment]  # chosen by name alone: keyring offers it to nobody else

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.kept.pop((service, username), None) is None:
            raise PasswordDeleteError(username)


class PlainKeyring(MemoryKeyring):
    """One that keyring does not recommend, as those that write plain text."""

    priority = 0.5  # type: ignore[assignment]


class FailingKeyring(MemoryKeyring):
    """One that quotes what it was given."""

    def set_password(self, service: str, username: str, password: str) -> None:
        raise RuntimeError(f"cannot keep {password}")
