# SPDX-License-Identifier: Apache-2.0
"""docs/embedding.md quotes code that CI compiles and runs (.ci/steps/embed.sh), not code like it."""

from __future__ import annotations

import re

from repo.source_tree import ROOT

PAGE = ROOT / "docs" / "embedding.md"
# A link to the file, as the last thing before the block.
QUOTE = re.compile(r"\]\(\.\./([^)]+)\)[^\n`]*\n\n```(\w+)\n(.*?)```", re.DOTALL)
FENCE = re.compile(r"^```(\w+)$", re.MULTILINE)


def quotes() -> list[tuple[str, str, str]]:
    """File, language and text of each quoted block."""
    return QUOTE.findall(PAGE.read_text())


def without_indentation(text: str) -> str:
    return "\n".join(line.strip() for line in text.strip().splitlines())


def test_every_block_of_code_is_a_quote() -> None:
    languages = [language for language in FENCE.findall(PAGE.read_text()) if language != "sh"]
    assert languages == [language for _, language, _ in quotes()]
    assert len(languages) > 5


def test_quotes_are_what_is_tested() -> None:
    for name, _, text in quotes():
        source = (ROOT / name).read_text()
        if re.match(r"tests/embed/(find_package|embedded_model|cuda)/", name):
            source = re.sub(r"\A.*SPDX-License-Identifier.*\n", "", source)
            assert text.strip() == source.strip(), name
        else:
            assert without_indentation(text) in without_indentation(source), name


def test_ci_builds_every_quoted_project() -> None:
    step = (ROOT / ".ci" / "steps" / "embed.sh").read_text()
    folders = {name.rpartition("/")[0] for name, _, _ in quotes()}
    assert not [folder for folder in folders if folder not in step]
