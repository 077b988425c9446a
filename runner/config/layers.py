"""One value out of several that were said, and where it is from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeVar

from ..errors import UserError
from ..patterns import compile_pattern
from .overrides import Overrides
from .sizes import size_of
from .source import Source
from .stestr import CLASS_GROUPS
from .tables import Table

T = TypeVar("T")

COMMAND_LINE = "command line"
DEFAULT = "default"


class Layers:
    """The command line over the project over the source over the user; ``origins`` grows with each pick."""

    def __init__(
        self, overrides: Overrides, project: Table | None, source: Source, user: Table | None
    ) -> None:
        self._over = overrides
        self._project = project
        self._source = source
        self._user = user
        self.origins: dict[str, str] = {}

    def pick(
        self, key: str, given: T | None, read: Callable[[Table, str], T | None], default: T
    ) -> T:
        """Return the command line's value, the project's (``read``), or the default."""
        value = None if self._project is None else read(self._project, key)
        if given is not None:
            self.origins[key] = COMMAND_LINE
            return given
        if value is not None and self._project is not None:
            self.origins[key] = self._project.origin(key)
            return value
        self.origins[key] = DEFAULT
        return default

    def whole(self, key: str, given: int | None, default: int) -> int:
        """Pick a whole number from 0."""
        _refuse_negative(key, given)
        return self.pick(key, given, Table.whole, default)

    def seconds(self, key: str, given: float | None, default: float) -> float:
        """Pick a duration in seconds."""
        _refuse_negative(key, given)
        return self.pick(key, given, Table.seconds, default)

    def flag(self, key: str, given: bool | None, default: bool) -> bool:
        """Pick true or false."""
        return self.pick(key, given, Table.flag, default)

    def said(self, key: str, value: T) -> T:
        """Return what only the source can say."""
        self.origins[key] = self._source.origin if value else DEFAULT
        return value

    def concurrency(self) -> tuple[int, str]:
        """Return the number of lanes (0: the machine's cores), and the command that is to print it instead."""
        given = 1 if self._over.serial else self._over.concurrency
        lanes = self.whole("concurrency", given, 0)
        if self.origins["concurrency"] != DEFAULT:
            return lanes, ""
        command = self._source.concurrency_command
        user = None if self._user is None else self._user.whole("concurrency")
        if command:
            self.origins["concurrency"] = f"{self._source.origin} test_run_concurrency"
        elif user is not None and self._user is not None:
            self.origins["concurrency"] = self._user.origin("concurrency")
            return user, ""
        return 0, command

    def group_regex(self) -> str:
        """Return the regex that names a test's group; it is sure to compile."""
        given = CLASS_GROUPS if self._over.parallel_class else self._over.group_regex or None
        text = self.pick("group_regex", given, Table.text, "")
        if self.origins["group_regex"] == DEFAULT and self._source.group_regex:
            self.origins["group_regex"] = self._source.origin
            return self._source.group_regex
        if text:
            compile_pattern(text, f"{self.origins['group_regex']}: group_regex")
        return text

    def keys(self) -> dict[str, str]:
        """Return action -> key: the user's over the project's."""
        merged: dict[str, str] = {}
        for table in (self._project, self._user):
            if table is None:
                continue
            for action, key in (table.mapping("keys") or {}).items():
                merged[action] = key
                self.origins[f"keys.{action}"] = table.origin("keys")
        return merged

    def theme(self) -> str:
        """Return the theme's name: the command line's, the user's, or the project's."""
        text = self.pick("theme", self._over.theme or None, Table.text, "")
        mine = None if self._user is None else self._user.text("theme")
        if self._user is None or mine is None or self.origins["theme"] == COMMAND_LINE:
            return text
        self.origins["theme"] = self._user.origin("theme")
        return mine

    def regexes(self, key: str) -> tuple[str, ...]:
        """Return a list of regexes; they are sure to compile."""
        texts = self.pick(key, None, Table.texts, ())
        for text in texts:
            compile_pattern(text, f"{self.origins[key]}: {key}")
        return texts

    def memory_limit(self) -> int:
        """Return how many bytes a worker may hold, 0 for any number."""
        if self._over.memory_limit is not None:
            self.origins["memory_limit"] = COMMAND_LINE
            return self._over.memory_limit
        text = self.pick("memory_limit", None, Table.text, "")
        try:
            return size_of(text) if text else 0
        except ValueError as error:
            raise UserError(f"{self.origins['memory_limit']}: memory_limit: {error}") from None

    def flaky(self) -> Literal["report", "fail"]:
        """Return what a test means for the run that passes on a retry only."""
        text = self.pick("flaky", self._over.flaky, Table.text, "report")
        return "fail" if text == "fail" else "report"

    def leaks(self) -> Literal["report", "fail", "off"]:
        """Return what is done about what tests leave behind."""
        text = self.pick("leaks", self._over.leaks, Table.text, "report")
        return "fail" if text == "fail" else "off" if text == "off" else "report"


def _refuse_negative(key: str, given: float | None) -> None:
    if given is not None and not 0 <= given < float("inf"):
        option = "--" + key.replace("_", "-")
        raise UserError(f"{option} is {given}, not a number from 0.")
