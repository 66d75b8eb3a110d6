"""What survives a node that is killed: outboxes and small values in one file, the audit record and alerts in others."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class StoreError(ValueError):
    """A file cannot be opened or written as what it should be. The message is one line for a person."""


class Closing(ABC):
    """What is closed where its context ends."""

    @abstractmethod
    def close(self) -> None:
        """Let go of what it holds."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
