"""What can go wrong, by whose fault it is: the user's, the other end's, or ours."""

from __future__ import annotations


class UserError(Exception):
    """Something the user can mend. Shown as one plain line and a hint, never as a traceback.

    ``message`` says what is wrong and where (file, key, test); ``hint`` says what to do.
    The program ends with exit code 2 unless ``exit_code`` says otherwise.
    """

    def __init__(self, message: str, *, hint: str = "", exit_code: int = 2) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.exit_code = exit_code


class ProtocolError(Exception):
    """The other end of a channel broke the protocol. That lane or host is lost; the run goes on."""
