"""INI files as testr and stestr read them: Python's ``configparser``, where a percent sign is written ``%%``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..errors import UserError
from .tables import read_text


def read_section(path: Path, section: str = "DEFAULT") -> Mapping[str, str] | None:
    """Return a section of an INI file, None if there is no such file or section.

    Raises:
        UserError: the file cannot be read, is no INI file, or a value has a lone ``%``.
    """
    text = read_text(path)
    # other sections of a shared file (tox.ini, setup.cfg) are none of our business
    if text is None or (section != "DEFAULT" and f"[{section}]" not in text):
        return None
    import configparser

    parser = configparser.ConfigParser()
    try:
        parser.read_string(text)
    except configparser.MissingSectionHeaderError as error:
        raise UserError(
            f"{path}: line {error.lineno} is before any section.",
            hint=f"Write [{section}] above it.",
        ) from None
    except configparser.DuplicateSectionError as error:
        raise UserError(f"{path}: line {error.lineno}: [{error.section}] is there twice.") from None
    except configparser.DuplicateOptionError as error:
        raise UserError(f"{path}: line {error.lineno}: {error.option} is there twice.") from None
    except configparser.ParsingError as error:
        line = error.errors[0][0] if error.errors else "?"
        raise UserError(f"{path}: line {line} is not KEY=VALUE.") from None
    if section != "DEFAULT" and not parser.has_section(section):
        return None
    values: dict[str, str] = {}
    for key in parser.defaults() if section == "DEFAULT" else parser[section]:
        try:
            values[key] = parser.get(section, key)
        except configparser.InterpolationError:
            raise UserError(
                f"{path}: {key} has a percent sign on its own.",
                hint="Write %% for one percent sign.",
            ) from None
    return values
