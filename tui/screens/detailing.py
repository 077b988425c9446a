"""Filling a detail pane with a failure or a test, for the screens that have one."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from textual.worker import Worker

from testlanes.runner.ids import ProfileName, Row

from ..history import first_failed, last_passed
from ..viewmodels.beside import NAME, Triples, rows_beside, section_beside
from ..viewmodels.casehead import STRIP, history_line, notes_of, results_line, where_of
from ..viewmodels.detail import Section, sections_of
from ..viewmodels.failure import Known, as_triples
from ..viewmodels.lines import EMPTY, Line, Span, clean, split_id
from ..viewmodels.tracebacks import Failure, Frame
from ..widgets.detailpane import DetailPane
from .acting import ActingScreen

_SUFFIX = {
    "text/plain": ".txt",
    "text/html": ".html",
    "text/csv": ".csv",
    "application/json": ".json",
    "application/pdf": ".pdf",
    "application/zip": ".zip",
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/gif": ".gif",
    "image/webp": ".webp",
}
"""How a file is called that is opened outside: by its type only, never by the name that a test gave."""


NOTES = "notes"
"""The section of what the run, or a bisection, says about a test."""
SETTLE = 0.1
"""Seconds the cursor must stay on a test before its details are read from the repository."""


class DetailingScreen(ActingScreen, inherit_bindings=False):
    """A screen with a detail pane."""

    _shown: tuple[object, ...] = ()
    _reading: Worker[None] | None = None
    variant = 0
    """Which of the profiles a test failed under is shown."""

    def detail_pane(self) -> DetailPane:
        """Return the pane."""
        return self.query_one(DetailPane)

    def show_failures(self, found: Sequence[Known]) -> None:
        """Show the failure under the cursor; the same one stays where it is scrolled to."""
        pane = self.detail_pane()
        if not found:
            if self._shown != ():
                self._shown = ()
                pane.title, pane.facts = "Detail", ()
                pane.show_sections([], ())
            return
        known = found[self.variant % len(found)]
        self._show(
            known.key.row,
            known.test_id,
            known.profile,
            known.failure,
            known.attempt,
            known.key.extra,
        )

    def show_row(self, row: Row) -> None:
        """Show a test, failed or not."""
        case = self.dash.state.cases.case(row)
        self._show(row, case.test_id, case.profile, None, self.dash.state.attempts[row], -1)

    def _show(
        self,
        row: Row | None,
        test_id: str,
        profile: ProfileName,
        failure: Failure | None,
        attempt: int,
        extra: int,
    ) -> None:
        dash, pane = self.dash, self.detail_pane()
        beside = self._beside(row, test_id) if row is not None else []
        standings = tuple(dash.state.standing[each] for each in beside)
        number = dash.controls.run_number() if beside else None
        over = dash.state.ended is not None  # what passed can be read from then on
        told = len(dash.state.warnings)
        now = (row, extra, attempt, standings, dash.options.version, number, over, told)
        if now == self._shown:
            self._refresh_head(test_id, profile)
            return
        same = self._shown[:2] == now[:2]
        self._shown = now
        details: Triples
        if row is None:
            result = dash.state.extras.get(extra)  # it may be gone, and the list not know it yet
            details = result.details if result is not None else ()
        else:
            details = as_triples(dash.state.details.get(row, ()))
        name = split_id(clean(test_id))[1]
        profile_text = clean(profile) if dash.shown.many_profiles else ""
        pane.title = name
        pane.facts = (Span(profile_text, "profile"),) if profile_text else ()
        sections = self._sections(row, test_id, details, failure)
        pane.show_sections(sections, self._head(test_id, profile), keep=same)
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None
        missing = [each for each in beside if not dash.state.details.get(each)]
        if row is not None and missing and number is not None:
            self._reading = self.run_worker(self._read_details(row, missing, now, failure))

    def _beside(self, row: Row, test_id: str) -> list[Row]:
        """Return the rows to show side by side; the shown row alone if there is nothing beside it."""
        rows = rows_beside(self.dash.shown, test_id)
        return rows if row in rows else [row]

    def _sections(
        self,
        row: Row | None,
        test_id: str,
        details: Triples,
        failure: Failure | None,
        read: Mapping[Row, Triples] | None = None,
    ) -> list[Section]:
        dash = self.dash
        root = dash.settings.root
        if row is None:
            return sections_of(
                details, (), dash.sources, dash.glyphs, failure, root, dash.options.here
            )
        where = where_of(dash.shown, row, dash.controls.where_ran(row))
        sections = sections_of(
            details, where, dash.sources, dash.glyphs, failure, root, dash.options.here
        )
        if told := notes_of(dash.shown, test_id):
            sections.append(Section(NOTES, [EMPTY, *told]))
        rows = self._beside(row, test_id)
        if len(rows) > 1:
            known: dict[Row, Triples] = {
                each: as_triples(dash.state.details.get(each, ())) for each in rows
            }
            known.update(read or {})
            sections.append(section_beside(dash.shown, rows, known, dash.sources, root))
        return sections

    async def _read_details(
        self, row: Row, missing: Sequence[Row], shown: tuple[object, ...], failure: Failure | None
    ) -> None:
        """Read what only the repository has, and show it if its test is still the one that is shown."""
        await asyncio.sleep(SETTLE)
        dash = self.dash
        read = {
            each: details for each in missing if (details := await dash.controls.details_of(each))
        }
        if read and self._shown == shown:
            pane = self.detail_pane()
            untouched = pane.chosen == 0 and pane.top == 0
            details = read.get(row) or as_triples(dash.state.details.get(row, ()))
            sections = self._sections(row, dash.state.cases.test_id(row), details, failure, read)
            pane.show_sections(sections, pane.above, keep=not untouched)

    def _head(self, test_id: str, profile: ProfileName) -> tuple[Line, ...]:
        history, shown = self.dash.history, self.dash.shown
        statuses = history.statuses(test_id, profile, STRIP)
        lines = [results_line(shown, test_id, profile)]
        if self.size.height >= 28 or self.WHERE == "triage":
            runs = history.runs_of(test_id, profile)
            lines.append(history_line(shown, statuses, first_failed(runs), last_passed(runs)))
        return tuple(lines)

    def _refresh_head(self, test_id: str, profile: ProfileName) -> None:
        pane = self.detail_pane()
        line = results_line(self.dash.shown, test_id, profile)
        if pane.above and pane.above[0] != line:
            pane.above = (line, *pane.above[1:])
            pane.set_head((line, *pane.head[1:]))

    # -- actions -------------------------------------------------------------------------------------

    def action_section(self) -> None:
        """Show the next section."""
        self.detail_pane().next_section(1)

    def action_section_back(self) -> None:
        """Show the section before."""
        self.detail_pane().next_section(-1)

    def action_bisect(self) -> None:
        """See ``ActingScreen``; what it finds is shown in the notes."""
        super().action_bisect()
        self.call_after_refresh(self.detail_pane().to_section, NOTES)

    def action_diff(self) -> None:
        """Show the difference, or the traceback again."""
        pane = self.detail_pane()
        if pane.section is not None and pane.section.name == "diff":
            pane.to_section("traceback")
        elif not pane.to_section("diff"):
            self.dash.notice("This failure tells no difference.", "dim")

    def action_beside(self) -> None:
        """Show the test under its profiles side by side, or its first section again."""
        pane = self.detail_pane()
        if pane.section is not None and pane.section.name == NAME:
            pane.next_section(-pane.chosen)
        elif not pane.to_section(NAME):
            self.dash.notice("This test has a result under one profile only.", "dim")

    def action_attachment(self) -> None:
        """Open the shown section in its own program."""
        section = self.detail_pane().section
        if section is None or section.data is None:
            self.dash.notice("Choose the attachment first: v shows the next section.", "dim")
            return
        self.dash.open_outside(self._write_out(section))

    def _write_out(self, section: Section) -> Path:
        kind = section.mime.split(";")[0].strip()
        suffix = _SUFFIX.get(kind, ".txt" if kind.startswith("text/") else ".bin")
        handle, name = tempfile.mkstemp(suffix, "attachment-", self.dash.scratch())
        with os.fdopen(handle, "wb") as file:
            file.write(section.data or b"")
        return Path(name)

    def place_here(self) -> Frame | None:
        """See ``ActingScreen``."""
        return self.detail_pane().place() or super().place_here()
