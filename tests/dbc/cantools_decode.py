"""Loads a DBC with cantools and decodes frames by it.

    python cantools_decode.py FILE.dbc < frames > answers

A line of input is a frame as `ID#DATA`, 8 digits of ID for 29 bits. A line of output is its answer as JSON: what the
message's comment is, and each signal with its raw number, its exact value and the name of its code. Any warning of
cantools ends the program.
"""
import json
import logging
import sys
import warnings
from decimal import Decimal

import cantools


class Strict(logging.Handler):
    def emit(self, record):
        sys.exit(f"cantools warns: {record.getMessage()}")


def answer(messages, line):
    number, data = line.split("#")
    data = bytes.fromhex(data)
    key = (int(number, 16), len(number) == 8)
    message = messages.get(key)
    if message is None:
        sys.exit(f"no message has the identifier of {line}")
    options = {"allow_truncated": True}
    try:
        raw = message.decode(data, decode_choices=False, scaling=False, **options)
    except cantools.database.errors.DecodeError as error:
        if "multiplexer" not in str(error):
            raise
        return {"page": "unknown"}
    signals = {}
    for name, number in raw.items():
        signal = message.get_signal_by_name(name)
        # The shortest text of a double is the decimal that stands in the file.
        value = number * Decimal(repr(signal.scale)) + Decimal(repr(signal.offset))
        scaled = signal.raw_to_scaled(number, decode_choices=False)
        if abs(float(value) - scaled) > 1e-9 * max(1, abs(scaled)):
            sys.exit(f"{message.name}.{name}: cantools has {scaled}, exactly it is {value}")
        choice = (signal.choices or {}).get(number)
        signals[name] = {
            "raw": number,
            "value": format(value, "f"),
            "unit": signal.unit,
            "name": None if choice is None else str(choice),
            "comment": signal.comment or "",
        }
    return {"comment": message.comment or "", "signals": signals}


def main():
    warnings.simplefilter("error")
    logging.getLogger().addHandler(Strict(level=logging.WARNING))
    database = cantools.database.load_file(sys.argv[1], strict=True)
    for message in database.messages:
        for name in (message.name, *(signal.name for signal in message.signals)):
            if not name.isidentifier():
                sys.exit(f"{name!r} is no identifier")
    messages = {(message.frame_id, message.is_extended_frame): message for message in database.messages}
    for line in sys.stdin:
        print(json.dumps(answer(messages, line.strip())))


main()
