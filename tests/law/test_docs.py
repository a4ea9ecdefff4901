"""The table in docs/the-law.md is the zoo's own. To write it anew: python tests/law/test_docs.py"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "the-law.md"
TABLE = re.compile(r"\| plugin \|.*?\n\n", re.DOTALL)


def table(folder: Path) -> str:
    lines = ["| plugin | kind | what is wrong | said of it |", "|---|---|---|---|"]
    for path in sorted(folder.glob("*.py")):
        text = path.read_text(encoding="utf-8")
        does, verdict = re.match(r'"""(.*?)\n\nFeed: .*? Verdict: (.*?)\.\n"""', text).groups()
        hook = re.search(r"def make_(\w+)\(", text)[1]
        lines.append(f"| `{path.stem}` | {'column' if hook == 'features' else hook} | {does} | {verdict} |")
    return "\n".join(lines) + "\n\n"


def test_the_page_lists_the_zoo_as_it_is():
    found = TABLE.search(PAGE.read_text(encoding="utf-8"))
    assert found, "docs/the-law.md has no table of the zoo"
    assert found[0] == table(Path(__file__).parent / "zoo")


@pytest.mark.parametrize("word", ["look ahead", "in_place", "unseeded", '"full"', '"off"'])
def test_the_page_tells_what_users_look_for(word):
    assert word in PAGE.read_text(encoding="utf-8")


if __name__ == "__main__":
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(TABLE.sub(lambda _: table(Path(__file__).parent / "zoo"), page), encoding="utf-8")
