"""Who watches a run, and may be asked."""

from typing import Protocol

from perfkit.results import Progress


class Observer(Protocol):
    """Who watches a run: the live view."""

    def note(self, text: str) -> None:
        """Something is being done besides the load."""

    def warn(self, text: str) -> None:
        """Something that must be seen, also where nothing else is shown."""

    def update(self, progress: Progress) -> None:
        """How the load is going."""

    def confirm(self, question: str) -> bool:
        """Asks the user; False when there is nobody to ask."""
