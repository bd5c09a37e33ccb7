# SPDX-License-Identifier: Apache-2.0
"""Pytest plugin: a test that does not run must be on a list, with the reason.

Each line of tests/allowed_skips.txt is `nodeid  # reason`; `*` in a node id stands for any text. A skipped or
expectedly failing test that no line names fails the session, with `--strict-skips` or where CI is set.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

ALLOWED_SKIPS = "allowed_skips.txt"


@dataclass(frozen=True)
class Allowance:
    """One line of the list."""

    nodeid: str
    reason: str

    def matches(self, nodeid: str) -> bool:
        # Not fnmatch: the brackets of parametrised tests are plain text here.
        pattern = ".*".join(re.escape(part) for part in self.nodeid.split("*"))
        return re.fullmatch(pattern, nodeid) is not None


def read_allowances(path: Path) -> list[Allowance]:
    """The lines of the list; a missing file is an empty list, a line without a reason is an error."""
    allowances = []
    for number, line in enumerate(path.read_text("utf-8").splitlines() if path.exists() else [], start=1):
        if not line.strip() or line.startswith("#"):
            continue
        nodeid, _, reason = line.partition("#")
        if not nodeid.strip() or not reason.strip():
            raise pytest.UsageError(f"{path}:{number}: expected 'nodeid  # reason', got {line!r}")
        allowances.append(Allowance(nodeid.strip(), reason.strip()))
    return allowances


class SkipPolicy:
    """Collects what did not run and judges it at the end of the session."""

    def __init__(self, allowances: list[Allowance], strict: bool) -> None:
        self.allowances = allowances
        self.strict = strict
        self.allowed: dict[str, str] = {}
        self.refused: dict[str, str] = {}

    def _note(self, report: pytest.CollectReport | pytest.TestReport) -> None:
        if not report.skipped:
            return
        for allowance in self.allowances:
            if allowance.matches(report.nodeid):
                self.allowed[report.nodeid] = allowance.reason
                return
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else getattr(report, "wasxfail", "")
        self.refused[report.nodeid] = why or "no reason given"

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._note(report)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._note(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        passes = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
        if self.strict and self.refused and session.exitstatus in passes:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for title, found in (("allowed skips", self.allowed), ("skips not allowed", self.refused)):
            if found:
                terminalreporter.section(title)
                for nodeid, reason in sorted(found.items()):
                    terminalreporter.line(f"{nodeid}: {reason}")
        if self.refused:
            consequence = "this fails the session" if self.strict else "this fails CI"
            terminalreporter.line(
                f"{len(self.refused)} skipped without a line in tests/{ALLOWED_SKIPS}: {consequence}",
                red=True,
            )


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--strict-skips",
        action="store_true",
        default=bool(os.environ.get("CI")),
        help=f"fail if a test is skipped that tests/{ALLOWED_SKIPS} does not name (default where CI is set)",
    )


def pytest_configure(config: pytest.Config) -> None:
    allowances = read_allowances(config.rootpath / "tests" / ALLOWED_SKIPS)
    config.pluginmanager.register(SkipPolicy(allowances, config.getoption("strict_skips")), "flownet2-skip-policy")
