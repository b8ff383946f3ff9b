#!/usr/bin/env python3
"""Puts the placeholders back after TRYCMD=overwrite: what differs from run to run, and what real data files change."""
import pathlib
import re

here = pathlib.Path(__file__).parent
for page in [*here.glob("*.trycmd"), here.parent.parent / "README.md"]:
    text = page.read_text()
    text = re.sub(r"( of bus time in ).*", r"\1[..]", text)
    # The README shows a real time and place.
    if page.suffix == ".trycmd":
        text = re.sub(r".* of bus time in ", "[..] of bus time in ", text)
        text = re.sub(r" at \d+\.\d+ s on the bus", " at [..] s on the bus", text)
        text = re.sub(r"(protocols/pylon-\w+\.yaml:)\d+", r"\1[..]", text)
        # How long a measurement takes, and how many cases and faults there are.
        text = re.sub(r"(\npylon-can  (?:\d+ +){5}\d+ % +).*", r"\1[..]", text)
        text = re.sub(r'("cases": )\d+(,\n +"time_ms": )\d+', r"\1[..]\2[..]", text)
        text = re.sub(r"(\nfault +class +places .*\n)(?:.+\n)+?(?=\n|```)", r"\1...\n", text)
        # Suites grow.
        text = re.sub(r"(\npylon-rs485 0x42 (?:.*\n)*?Covered by\n)(?:  .*\n|\.\.\.\n)+", r"\1...\n", text)
        text = re.sub(r"(\n  skipped +)\d+( cases: the reference BMS does not speak sample-can\n)", r"\1[..]\2", text)
        text = re.sub(r"\n\d+ cases: 0 pass, 0 fail, \d+ skip\n", "\n[..] cases: 0 pass, 0 fail, [..] skip\n", text)
        text = re.sub(r"(?:\n  sample-can/behaviour/.*)+", "\n...", text)
        # So does what cites a question.
        text = re.sub(r"(  stands in +protocols/product/questions\.yaml:)\d+\n(?:.*\n)*?(?=\n```)", r"\1[..]\n...\n", text)
        # Suites for every protocol are built in, and grow: only the sample's own rows are told.
        if page.name == "list.trycmd":
            text = re.sub(r"(\n(?:suite|case)) +(cases|profiles)", r"\1[..]\2", text)
            text = re.sub(r"(?:\nbehaviour/.*(?:\n {4}.*)*)+", "\n...", text)
            text = re.sub(r"(?:  \{\n    \"(?:name|id)\": \"behaviour/(?:(?!\n  \}).|\n(?!  \}))*\n  \},\n)+", "...\n", text)
            # An elision ends at the first line like the one after it, so that may not be a lone bracket.
            text = re.sub(r"\n\.\.\.\n  \{\n", "\n...\n", text)
            text = re.sub(r"(\nsample-can/\S+) +(\S+ \S+)", r"\1[..]\2", text)
            text = re.sub(r"\n\d+ cases\n", "\n[..] cases\n", text)
            # What no case covers yet of the built-in protocols.
            text = re.sub(r"(?:(?<=\n)(?!sample-can)[\w-]+: no case covers .*\n(?: .*\n)+\n)+", "...\n", text)
    # What advice there is depends on the interfaces of the machine.
    text = re.sub(r"(error: `no-such-can` does not exist\n)(?:  help: .*\n(?: {8}.*\n)*|\.\.\.\n)", r"\1...\n", text)
    page.write_text(text)
