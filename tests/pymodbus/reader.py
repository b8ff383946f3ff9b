"""Reads a battery with pymodbus and says what it got, in numbers of the sheets.

    python reader.py < job.json > answers.jsonl

The job is one JSON object:

- `protocol`, `port`, `baud`;
- `set`: the state that the battery was put into, as in a state file; `conditions`: its alarms and protections, those that
  others bring with them included; `follows`: what must be seen because of the state (limits, enables), null for what the
  state leaves open;
- `packs`: how many there are;
- `reads`: questions, each with `function`, `device`, `start`, `count`, the `pack` that answers (0: all of them), and what
  may come: `data`, `exceptions` (codes), `silence`, `noise` (bytes that are no Modbus frame).

The first line of output comes when the battery has answered at all, and names all values of the sheet. Then comes a line for each read: the bytes that were
sent and received, what came, the values of the registers by name, and in `wrong` what contradicts the state.
"""
import json
import logging
import sys
import time
from decimal import Decimal

from pymodbus.client import ModbusSerialClient
from pymodbus.exceptions import ModbusException

from sheets import BASE, SHEETS

# Longer than any battery takes, in seconds; a silence costs as much.
TIMEOUT = 1.0
# How long a battery may test itself after it has been switched on, in seconds.
SELF_TEST = 30
CELLS = 16
SENSORS = 4
# A reading may differ from the state by less than one step, and these, which the current changes, by so much more.
DRIFT = {"remaining_capacity": Decimal("0.5")}


class Line:
    """A client, and the bytes that pass."""

    def __init__(self, port, baud):
        self.client = ModbusSerialClient(port, baudrate=baud, timeout=TIMEOUT, retries=0, trace_packet=self.trace)
        self.sent = self.received = b""
        if not self.client.connect():
            sys.exit(f"pymodbus cannot open {port}")

    def trace(self, sending, data):
        if sending:
            self.sent, self.received = data, b""
        elif data.startswith(self.received):
            # It is told all that has come since the question, time and again.
            self.received = data
        else:
            # What came before could not be read and was thrown away.
            self.received += data
        return data

    def ask(self, read):
        """The registers, an exception code, or neither."""
        calls = {
            1: self.client.read_coils,
            3: self.client.read_holding_registers,
            4: self.client.read_input_registers,
        }
        try:
            reply = calls[read["function"]](read["start"], count=read["count"], device_id=read["device"])
        except ModbusException:
            return None, None
        if reply.isError():
            return None, reply.exception_code
        return reply.registers, None


def quantity(text):
    """`25.3 A` as a number; the unit is checked where it is compared."""
    number, _, unit = text.partition(" ")
    return Decimal(number), unit


class State:
    """What the battery was put into, and what follows from it by arithmetic alone."""

    def __init__(self, job):
        self.job = job

    def of_pack(self, pack, name):
        text = self.job["set"].get(f"pack_{pack}.{name}", self.job["set"].get(name))
        return None if text is None else quantity(text)[0]

    def pack(self, pack):
        get = lambda name: self.of_pack(pack, name)
        seen = {
            name: get(name)
            for name in (
                "soc", "soh", "current", "cycle_count", "full_capacity", "design_capacity", "mosfet_temperature",
                "ambient_temperature", "charge_voltage_limit", "discharge_voltage_limit",
                "cell_over_voltage_protection_threshold", "charge_under_temperature_alarm_threshold",
            )
        }
        cells = [get(f"cell_voltage_{cell}") for cell in range(1, CELLS + 1)]
        sensors = [get(f"cell_temperature_{sensor}") for sensor in range(1, SENSORS + 1)]
        seen |= {f"cell_voltage_{number}": cell for number, cell in enumerate(cells, 1)}
        seen |= {f"cell_temperature_{number}": degrees for number, degrees in enumerate(sensors, 1)}
        seen |= {
            "pack_voltage": sum(cells),
            "remaining_capacity": seen["full_capacity"] * seen["soc"] / 100,
            "temperatures": sensors,
            "cells": cells,
            "serial_number": f"CST280A00000000{pack}",
        }
        return seen

    def charge_temperature(self):
        """Voltronic's code: a word beside the flag."""
        below = "charge_under_temperature_protection" in self.job["conditions"]
        return "below_limit" if below else "normal"

    def expected(self, pack):
        """The values of one pack, or of all of them (0)."""
        if pack:
            seen = self.pack(pack)
        else:
            packs = [self.pack(number) for number in range(1, self.job["packs"] + 1)]
            seen = dict(packs[0])
            total = lambda name: sum(one[name] for one in packs)
            for name in ("current", "full_capacity", "design_capacity", "remaining_capacity"):
                seen[name] = total(name)
            seen["pack_voltage"] = total("pack_voltage") / len(packs)
            seen["soc"] = 100 * seen["remaining_capacity"] / seen["full_capacity"]
            seen["cells"] = [cell for one in packs for cell in one["cells"]]
            seen["temperatures"] = [degrees for one in packs for degrees in one["temperatures"]]
        cells, sensors, current = seen["cells"], seen["temperatures"], seen.pop("current")
        # Positive is charging.
        seen |= {
            "pack_current": current,
            "charge_current": max(current, 0),
            "discharge_current": max(-current, 0),
            "charging": current > 0,
            "discharging": current < 0,
            "run_state": "charging" if current > 0 else "discharging",
            "temperature": sum(sensors) / len(sensors),
            "max_cell_temperature": max(sensors),
            "min_cell_temperature": min(sensors),
            "max_cell_voltage": max(cells),
            "min_cell_voltage": min(cells),
            "max_cell_voltage_number": Decimal(cells.index(max(cells)) + 1),
            "min_cell_voltage_number": Decimal(cells.index(min(cells)) + 1),
            "cell_count": Decimal(CELLS),
            # Four at the cells, surroundings, power stage.
            "temperature_sensor_count": Decimal(SENSORS + 2),
            "module_count": Decimal(self.job["packs"]),
            "cell_charge_temperature_state": self.charge_temperature(),
        }
        for name, what in self.job["follows"].items():
            seen[name] = quantity(what)[0] if isinstance(what, str) and what[0].isdigit() else what
            if pack and name.endswith("_current_limit") and seen[name] is not None:
                # One pack asks for its share: they all ask for the same.
                seen[name] /= self.job["packs"]
        return seen


def differs(field, value, expected):
    """What contradicts the state."""
    if isinstance(value, Decimal):
        scale = BASE[field.unit][1]
        expected = expected * scale if field.highest is None else min(expected * scale, field.highest)
        away = abs(value - expected)
        # A round number of steps must be met exactly.
        allowed = DRIFT.get(field.name, 0) * scale
        near = away <= allowed or away < field.step + allowed
    elif field.name == "serial_number":
        # A short field holds its end.
        near = len(value) >= 8 and expected.endswith(value)
    else:
        near = value == expected
    return None if near else f"{field.name} is {value} {field.unit}, the state says {expected}"


def examine(sheet, state, read, registers):
    """The values in a row of registers, and what is wrong with them."""
    conditions = set(state.job["conditions"])
    raised = {flag for condition in conditions for flag in sheet.raises.get(condition, ())}
    values, wrong = {}, []
    for field in sheet.fields:
        place = field.register - read["start"]
        if place < 0 or place + field.count > len(registers):
            continue
        value = field.value(registers[place : place + field.count])
        shown = format(value, "f") if isinstance(value, Decimal) else value
        values[field.name] = {"value": shown, "unit": field.unit, "bound": not field.free}
        if field.free:
            continue
        pack = read["pack"] or (1 if (field.scope or sheet.scope) == "pack" else 0)
        expected = state.expected(pack).get(field.name, field.name in raised)
        if expected is None:
            values[field.name]["bound"] = False
            continue
        difference = differs(field, value, expected)
        if difference:
            wrong.append(difference)
    return values, wrong


def main():
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
    job = json.load(sys.stdin)
    sheet = SHEETS.get(job["protocol"])
    if sheet is None:
        sys.exit(f"tests/pymodbus/sheets.py has no registers for {job['protocol']}: write them from its sheet")
    state = State(job)
    line = Line(job["port"], job["baud"])
    give_up = time.monotonic() + SELF_TEST
    first = {**job["reads"][0], "count": 1}
    while line.ask(first) == (None, None) and not (first["noise"] and line.received):
        if time.monotonic() > give_up:
            sys.exit("the battery has not answered pymodbus")
    print(json.dumps({"fields": [field.name for field in sheet.fields]}))
    for read in job["reads"]:
        registers, exception = line.ask(read)
        answer = {
            "sent": line.sent.hex(),
            "received": line.received.hex(),
            "exception": exception,
            "registers": registers,
            "values": {},
            "wrong": [],
        }
        if registers is not None:
            if not read["data"]:
                answer["wrong"].append(f"{len(registers)} registers that nobody should give")
            if len(registers) != read["count"]:
                answer["wrong"].append(f"{len(registers)} registers instead of {read['count']}")
            answer["values"], wrong = examine(sheet, state, read, registers)
            answer["wrong"] += wrong
        elif exception is not None:
            if exception not in read["exceptions"]:
                answer["wrong"].append(f"exception {exception}, allowed are {read['exceptions']}")
        elif line.received and not read["noise"]:
            answer["wrong"].append(f"pymodbus cannot read {line.received.hex()}")
        elif not line.received and not read["silence"]:
            answer["wrong"].append("silence")
        print(json.dumps(answer))


main()
