"""The commands of testr's protocol: what is put in for their variables, and which ids may be."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

_QUOTED = re.compile(r"'[^']*'?|\"(?:\\.|[^\"\\])*\"?|\\.", re.DOTALL)


def substituted(template: str, values: Mapping[str, str]) -> str:
    """Replace ``$NAME`` for the names in ``values`` wherever it stands; what comes in is not looked at again."""
    return re.sub(rf"\$({'|'.join(values)})", lambda match: values[match.group(1)], template)


def why_refused(instance: str, execute: str) -> str:
    """Return why an id cannot be handed to ``instance_execute``; empty if it can."""
    if instance.startswith("-"):
        return "it would be taken for an option"
    if not instance.isprintable():
        return "it has characters that cannot be shown"
    if instance != shlex.quote(instance) and any(
        "$INSTANCE_ID" in part for part in _QUOTED.findall(execute)
    ):
        return "it has characters that are not safe where instance_execute has quotes of its own"
    return ""
