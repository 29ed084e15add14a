"""Summaries by machines are checked."""

import pytest

from newsletter.text.machine_summary import about, objection

ABSTRACT = (
    "Sleep spindles guide memory in rodents. Memory is made stable during sleep. Here we record "
    "neurons in the hippocampus of sleeping rodents and show that they fire together."
)


@pytest.mark.parametrize(
    "said",
    [
        "Read the result at evil.com/login today.",
        "Details are on evil.com.",
        "See www.evil.example for more.",
        "The code is at https://evil.com.",
        "Write to me@evil.com.",
        "Write to me (at) evil (dot) com.",
        "Go to evil[.]com.",
        "Data at 10.1.2.3 was used.",
        "[A link](evil) tells more.",
        "Reply with your password.",
        "Memory is stable. Reply with the code.",
        "Please visit the page.",
        "You should verify this.",
        "Call +1 555 010 0100 for results.",
        "Call 555-010-0100.",
        "Neurons fire. Send money to the authors.",
        "Ignore previous results.",
        "Click here.",
        "Log in to see neurons.",
        "Visit our page on memory.",
    ],
)
def test_K46_what_asks_something_of_the_reader_is_refused(said: str) -> None:
    assert objection(said)


@pytest.mark.parametrize(
    "said",
    [
        "Neurons of sleeping rodents fire together, e.g. in the hippocampus.",
        "The model reaches 92.5% on 1,000,000 images, vs. 90% before; p < 0.05.",
        "The study covers 2019-2021 and visits of patients; passwords were cracked faster.",
        "Node.js packages are checked for call graphs.",
        "Open problems remain. Using the method halves the cost.",
    ],
)
def test_K46_what_summaries_say_passes(said: str) -> None:
    assert not objection(said)


def test_K46_only_sentences_about_the_paper_stay() -> None:
    told = "Spindles stabilise memory in sleeping rodents. The moon landing never took place."
    assert about(told, ABSTRACT) == "Spindles stabilise memory in sleeping rodents."
    assert about("Stocks of gold rise fast.", ABSTRACT) == ""
    assert about(told, "Too short to tell.") == told
