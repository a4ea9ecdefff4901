from __future__ import annotations

import pyarrow as pa
from darwin_html_report.page import render
from darwin_html_report.words import SHOWN

START = 1_577_880_000 * 10**9


def log(words):
    n = len(words)
    return pa.table(
        {
            "time": pa.array([START + i * 86_400 * 10**9 for i in range(n)], pa.int64()).cast(
                pa.timestamp("ns", "UTC")
            ),
            "symbol": pa.array(["A"] * n).dictionary_encode(),
            "stage": pa.array(["llm"] * n).dictionary_encode(),
            "value": [1.0] * n,
            "confidence": pa.array([0.75] * n, pa.float64()),
            "words": pa.array(words, pa.string()),
        }
    )


def test_the_last_words_stand_in_the_report_newest_first(build, make_run):
    words = [f"reason {i}" if i % 2 else None for i in range(2 * SHOWN + 10)]
    page = render(make_run(tables={"decisions": log(words)}, agents=[build.agent("llm", explained=SHOWN + 5)]))
    assert f"The last {SHOWN} of {SHOWN + 5} decisions" in page
    assert "reason 9<" not in page
    assert page.index(f"reason {2 * SHOWN + 9}<") < page.index("reason 11<")
    assert "75\N{NO-BREAK SPACE}%" in page


def test_words_are_text_and_long_ones_are_cut(build, make_run):
    odd = "<script>alert(1)</script>" + "x" * 900
    page = render(make_run(tables={"decisions": log([odd])}, agents=[build.agent("llm", explained=1)]))
    assert "&lt;script&gt;alert(1)" in page
    assert "x" * 300 not in page


def test_the_log_of_a_run_without_words_is_not_even_read(build, make_run):
    run = make_run(agents=[build.agent(explained=0), build.agent("old")])
    assert not (run.folder / "decisions.parquet").exists()
    assert "own words" not in render(run)


def test_questions_that_were_paid_for_and_saved_are_told_with_their_price(build, make_run):
    calls = {"asked": 96, "saved": 321, "would": {"<gate>": 40, "other": 0}, "price": 0.5}
    page = render(make_run(agents=[build.agent("llm", calls=calls)]))
    assert "llm was asked about 96 candidates (48.00 in money); 321 questions were saved" in page
    assert "(160.50 in money); &lt;gate&gt; would save 40 more (20.00 in money)." in page
    assert "other would" not in page
    unknown = render(make_run(agents=[build.agent("llm", calls={**calls, "price": None})]))
    assert "llm was asked about 96 candidates; 321 questions were saved by agents before it" in unknown
