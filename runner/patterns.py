"""Regular expressions that users write."""

from __future__ import annotations

import re
import warnings

from .errors import UserError


def compile_pattern(text: str, what: str) -> re.Pattern[str]:
    """Compile a user's regex. ``what`` begins the message: ``The filter``, ``plan.json: segment 2:`` …

    Raises:
        UserError: it is no regular expression.
    """
    with warnings.catch_warnings():
        # "[[" may mean something else in a later Python: nothing that a user could mend
        warnings.simplefilter("ignore", FutureWarning)
        try:
            return re.compile(text)
        except (re.error, OverflowError, RecursionError) as error:
            raise UserError(
                f"{what} {text!r} is not a regular expression: {error}.",
                hint="Put a backslash before each character that is meant literally.",
            ) from None
