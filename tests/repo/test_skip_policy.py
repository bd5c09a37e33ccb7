# SPDX-License-Identifier: Apache-2.0
"""The skip policy itself: what it lets through, what it fails, what it prints."""

from __future__ import annotations

import pytest

SUITE = """
import pytest

def test_runs():
    pass

@pytest.mark.parametrize("size", [1, 2])
def test_gpu(size):
    pytest.skip("no GPU here")
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch):
    """Runs a little suite under the plugin, with the given list of allowed skips."""
    monkeypatch.delenv("CI", raising=False)
    pytester.mkdir("tests")

    def run(allowed: str, *args: str, source: str = SUITE) -> pytest.RunResult:
        pytester.path.joinpath("tests", "test_suite.py").write_text(source)
        pytester.path.joinpath("tests", "allowed_skips.txt").write_text(allowed)
        return pytester.runpytest_inprocess("-p", "skip_policy", *args)

    return run


def test_a_skip_that_is_not_listed_fails_a_strict_session(suite) -> None:
    result = suite("", "--strict-skips")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(passed=1, skipped=2)
    result.stdout.fnmatch_lines(
        ["*skips not allowed*", "*::test_gpu?1?: Skipped: no GPU here", "*this fails the session"]
    )


def test_ci_is_strict(suite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    assert suite("").ret == pytest.ExitCode.TESTS_FAILED


def test_elsewhere_it_only_says_so(suite) -> None:
    result = suite("")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["*2 skipped without a line in tests/allowed_skips.txt: this fails CI"])


def test_listed_skips_pass_and_are_shown_with_their_reason(suite) -> None:
    result = suite("# a comment\n\ntests/test_suite.py::test_gpu[*]  # needs a GPU\n", "--strict-skips")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["*allowed skips*", "tests/test_suite.py::test_gpu?2?: needs a GPU"])
    result.stdout.no_fnmatch_line("*skips not allowed*")


def test_a_line_covers_only_the_tests_it_names(suite) -> None:
    result = suite("tests/test_suite.py::test_gpu[1]  # only this one\n", "--strict-skips")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*1 skipped without a line*"])


@pytest.mark.parametrize(
    ("source", "nodeid"),
    [
        pytest.param(
            "import pytest\n@pytest.mark.xfail(reason='wrong')\ndef test_x():\n    assert 0",
            "::test_x: wrong",
            id="xfail",
        ),
        pytest.param(
            "import pytest\npytest.importorskip('no_such_module')",
            ": Skipped: could not import*",
            id="module",
        ),
    ],
)
def test_expected_failures_and_whole_modules_count(suite, source: str, nodeid: str) -> None:
    result = suite("", "--strict-skips", source=source)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines([f"tests/test_suite.py{nodeid}"])


def test_a_line_without_a_reason_is_an_error(suite) -> None:
    result = suite("tests/test_suite.py::test_gpu[*]\n")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*allowed_skips.txt:1: expected 'nodeid  # reason'*"])


def test_a_failing_session_keeps_its_status(suite) -> None:
    result = suite("", "--strict-skips", source=SUITE + "\ndef test_bad():\n    assert 0\n")
    result.assert_outcomes(passed=1, skipped=2, failed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
