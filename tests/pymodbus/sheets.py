"""What the registers of each protocol mean, written by hand from the protocol sheets (chapters "Registers", "Bit tables").

It knows nothing of the definitions that `bmscheck decode` reads by: the names are those of the common vocabulary, so that
the two can be compared, and everything else (register, width, sign, scale, place of a bit) stands here a second time.
"""
from decimal import Decimal
from functools import partial

# The unit in which a state is written, for each unit of a register.
BASE = {"mV": ("V", 1000), "V": ("V", 1), "A": ("A", 1), "Ah": ("Ah", 1), "degC": ("degC", 1), "%": ("%", 1), "Wh": ("Wh", 1), "": ("", 1)}


class Field:
    """A value in one or more registers; `free` when no state says what it must be, `highest` is the greatest it can hold."""

    def __init__(self, name, register, read, count=1, step=Decimal(1), unit="", free=False, scope=None, highest=None):
        self.name, self.register, self.read, self.count = name, register, read, count
        self.step, self.unit, self.free, self.scope, self.highest = step, unit, free, scope, highest

    def value(self, words):
        """The value, of the registers that hold it."""
        return self.read(words)


def signed(number, bits):
    return number - (1 << bits) if number >> (bits - 1) else number


def number(bits, sign, name, register, scale="1", unit="", offset=0, **more):
    """16 or 32 bits, the high word first; `offset` counts in raw units. What is too great is sent as the greatest (Q-22)."""
    step = Decimal(scale)
    highest = ((1 << (bits - sign)) - 1 + offset) * step

    def read(words):
        raw = words[0] if bits == 16 else words[0] << 16 | words[1]
        raw = signed(raw, bits) if sign else raw
        return (raw + offset) * step

    return Field(name, register, read, bits // 16, step, unit, highest=highest, **more)


u16 = partial(number, 16, False)
i16 = partial(number, 16, True)
u32 = partial(number, 32, False)
i32 = partial(number, 32, True)


def low_byte(name, register, scale="1", unit="", **more):
    return Field(name, register, lambda words: (words[0] & 0xFF) * Decimal(scale), 1, Decimal(scale), unit, **more)


def high_byte(name, register, scale="1", unit="", **more):
    return Field(name, register, lambda words: (words[0] >> 8) * Decimal(scale), 1, Decimal(scale), unit, **more)


def bits(name, register, first, last, unit="", **more):
    mask = (1 << (last - first + 1)) - 1
    return Field(name, register, lambda words: Decimal(words[0] >> first & mask), 1, Decimal(1), unit, **more)


def state(name, register, first, last, names):
    mask = (1 << (last - first + 1)) - 1
    return Field(name, register, lambda words: names.get(words[0] >> first & mask, "?"))


def flag(name, register, bit, **more):
    return Field(name, register, lambda words: bool(words[0] >> bit & 1), **more)


def flags(register, names):
    """A word of flags: bit to name."""
    return [flag(name, register, bit) for bit, name in names.items()]


def text(name, register, count, **more):
    """Two characters in a register, the first in the high byte; NUL and blanks fill."""

    def read(words):
        return b"".join(word.to_bytes(2, "big") for word in words).strip(b"\0 ").decode("ascii")

    return Field(name, register, read, count, **more)


def row(make, name, first, count, *rest, **more):
    """The same thing in registers that follow each other: `{}` in the name counts from 1."""
    return [make(name.format(number), first + number - 1, *rest, **more) for number in range(1, count + 1)]


class Sheet:
    """The registers of a protocol.

    `scope`: whether a value is that of the pack asked or of all packs, where the field says nothing else.
    `raises`: which flags a condition of the battery sets; all others must be clear.
    """

    def __init__(self, scope, fields, raises):
        self.scope, self.fields, self.raises = scope, fields, raises


def itself(*names):
    """Conditions that have a flag of their own name."""
    return {name: {name} for name in names}


# Sheet growatt-rs485, block 1, 2 and 4, tables T2 to T6.
GROWATT_ERRORS = {
    0: "discharge_over_current_protection", 1: "short_circuit_protection", 2: "pack_over_voltage_protection",
    3: "pack_under_voltage_protection", 4: "discharge_over_temperature_protection", 5: "charge_over_temperature_protection",
    6: "discharge_under_temperature_protection", 7: "charge_under_temperature_protection", 8: "soft_start_fault",
    9: "permanent_fault", 10: "delta_v_fail_protection", 11: "charge_over_current_protection",
    12: "mosfet_over_temperature_protection", 13: "ambient_over_temperature_protection",
    14: "ambient_under_temperature_protection",
}
GROWATT_WARNINGS = {
    0: "cell_over_voltage_alarm", 1: "cell_under_voltage_alarm", 2: "pack_over_voltage_alarm", 3: "pack_under_voltage_alarm",
    4: "discharge_over_current_alarm", 5: "charge_over_current_alarm", 6: "discharge_over_temperature_alarm",
    7: "discharge_under_temperature_alarm", 8: "charge_over_temperature_alarm", 9: "charge_under_temperature_alarm",
    10: "mosfet_over_temperature_alarm", 11: "ambient_over_temperature_alarm", 12: "ambient_under_temperature_alarm",
    13: "low_voltage_shutdown_alarm",
}
GROWATT_EXTENDED = {
    0: "module_modes_differ", 1: "module_versions_differ", 2: "serial_number_missing", 3: "master_missing_alarm",
    4: "internal_communication_alarm",
}
GROWATT_STATUS = [
    i16("gauge_current", 0x10, "0.01", "A", free=True),
    state("run_state", 0x13, 0, 1, {0: "soft_starting", 1: "standby", 2: "charging", 3: "discharging"}),
    flag("discharge_enable", 0x13, 5),
    flag("charge_enable", 0x13, 6),
    *flags(0x14, GROWATT_ERRORS),
    u16("soc", 0x15, "1", "%"),
    u16("pack_voltage", 0x16, "0.01", "V"),
    i16("pack_current", 0x17, "0.01", "A"),
    i16("temperature", 0x18, "1", "degC"),
    u16("charge_current_limit", 0x19, "0.01", "A"),
    u16("remaining_capacity", 0x1A, "0.01", "Ah"),
    u16("full_capacity", 0x1B, "0.01", "Ah"),
    u16("cycle_count", 0x1E),
    bits("soh", 0x20, 0, 6, "%"),
    u16("charge_voltage_limit", 0x21, "0.01", "V"),
    *flags(0x22, GROWATT_WARNINGS),
    u16("discharge_current_limit", 0x23, "0.01", "A"),
    *flags(0x24, GROWATT_EXTENDED),
    u16("max_cell_voltage", 0x25, "1", "mV"),
    u16("min_cell_voltage", 0x26, "1", "mV"),
    u16("max_cell_voltage_number", 0x27),
    u16("min_cell_voltage_number", 0x28),
    u16("cell_count", 0x29),
    *row(u16, "cell_voltage_{}", 0x71, 16, "1", "mV", scope="pack"),
]
GROWATT_RAISES = itself(*GROWATT_ERRORS.values(), *GROWATT_WARNINGS.values())

# Sheets pace-modbus and srne-modbus: register numbers are decimal.
PACE_WARNINGS = {
    0: "cell_over_voltage_alarm", 1: "cell_under_voltage_alarm", 2: "pack_over_voltage_alarm", 3: "pack_under_voltage_alarm",
    4: "charge_over_current_alarm", 5: "discharge_over_current_alarm", 8: "charge_over_temperature_alarm",
    9: "discharge_over_temperature_alarm", 10: "charge_under_temperature_alarm", 11: "discharge_under_temperature_alarm",
    12: "ambient_over_temperature_alarm", 13: "ambient_under_temperature_alarm", 14: "mosfet_over_temperature_alarm",
    15: "low_soc_alarm",
}
PACE_PROTECTIONS = {
    0: "cell_over_voltage_protection", 1: "cell_under_voltage_protection", 2: "pack_over_voltage_protection",
    3: "pack_under_voltage_protection", 4: "charge_over_current_protection", 5: "discharge_over_current_protection",
    6: "short_circuit_protection", 7: "charger_over_voltage_protection", 8: "charge_over_temperature_protection",
    9: "discharge_over_temperature_protection", 10: "charge_under_temperature_protection",
    11: "discharge_under_temperature_protection", 12: "mosfet_over_temperature_protection",
    13: "ambient_over_temperature_protection", 14: "ambient_under_temperature_protection",
}
PACE_STATUS = {
    0: "charge_mosfet_fault", 1: "discharge_mosfet_fault", 2: "temperature_sensor_fault", 4: "cell_fault", 5: "sampling_fault",
}
PACE = Sheet(
    "pack",
    [
        i16("pack_current", 0, "0.01", "A"),
        u16("pack_voltage", 1, "0.01", "V"),
        low_byte("soc", 2, "1", "%"),
        low_byte("soh", 3, "1", "%"),
        u16("remaining_capacity", 4, "0.01", "Ah"),
        u16("full_capacity", 5, "0.01", "Ah"),
        u16("design_capacity", 6, "0.01", "Ah"),
        u16("cycle_count", 7),
        *flags(9, PACE_WARNINGS),
        *flags(10, PACE_PROTECTIONS),
        *flags(11, PACE_STATUS),
        flag("charging", 11, 8),
        flag("discharging", 11, 9),
        *row(u16, "cell_voltage_{}", 15, 16, "1", "mV"),
        *row(i16, "cell_temperature_{}", 31, 4, "0.1", "degC"),
        i16("mosfet_temperature", 35, "0.1", "degC"),
        i16("ambient_temperature", 36, "0.1", "degC"),
        u16("cell_over_voltage_protection_threshold", 65, "1", "mV"),
        i16("charge_under_temperature_alarm_threshold", 90, "0.1", "degC"),
        text("firmware_version", 150, 10, free=True),
        text("model_serial_number", 160, 10, free=True),
        text("serial_number", 170, 10),
    ],
    itself(*PACE_WARNINGS.values(), *PACE_PROTECTIONS.values(), *PACE_STATUS.values()),
)

# Sheet voltronic-rs485: 0.1 V, 0.1 A, 0.1 K with 273.1 K at 0 degC, mAh in two registers.
VOLTRONIC_CHARGE_ALARMS = {
    0: "charge_over_temperature_alarm", 1: "cell_over_voltage_alarm", 2: "charge_under_temperature_alarm",
    3: "charge_over_current_alarm",
}
VOLTRONIC_DISCHARGE_ALARMS = {
    0: "discharge_over_temperature_alarm", 1: "discharge_under_temperature_alarm", 2: "mosfet_over_temperature_alarm",
    3: "cell_under_voltage_alarm",
}
VOLTRONIC_CHARGE_PROTECT = {
    6: "mosfet_over_temperature_protection_charge", 8: "charge_over_temperature_protection",
    9: "charge_under_temperature_protection", 10: "cell_over_voltage_protection", 11: "charge_over_current_protection",
    15: "charge_over_current_2_protection",
}
VOLTRONIC_DISCHARGE_PROTECT = {
    10: "mosfet_over_temperature_protection_discharge", 11: "cell_under_voltage_protection",
    12: "discharge_over_current_protection", 13: "discharge_under_temperature_protection",
    14: "discharge_over_temperature_protection",
}
CODES = {0x00: "normal", 0x01: "below_limit", 0x02: "above_limit", 0xF0: "other_error"}
kelvin = partial(u16, scale="0.1", unit="degC", offset=-2731)
VOLTRONIC = Sheet(
    "pack",
    [
        u16("cell_count", 0x10),
        *row(u16, "cell_voltage_{}", 0x11, 16, "100", "mV"),
        u16("temperature_sensor_count", 0x25),
        *row(kelvin, "cell_temperature_{}", 0x26, 4),
        kelvin("ambient_temperature", 0x2A),
        kelvin("mosfet_temperature", 0x2B),
        u16("charge_current", 0x30, "0.1", "A", scope="bank"),
        u16("discharge_current", 0x31, "0.1", "A", scope="bank"),
        u16("pack_voltage", 0x32, "0.1", "V", scope="bank"),
        u16("soc", 0x33, "1", "%", scope="bank"),
        u32("full_capacity", 0x34, "0.001", "Ah", scope="bank"),
        u16("module_count", 0x36, scope="bank"),
        *flags(0x37, VOLTRONIC_CHARGE_ALARMS),
        *flags(0x38, VOLTRONIC_DISCHARGE_ALARMS),
        *flags(0x39, VOLTRONIC_CHARGE_PROTECT),
        *flags(0x3B, VOLTRONIC_DISCHARGE_PROTECT),
        flag("short_circuit_protection", 0x3C, 1),
        flag("discharge_over_current_2_protection", 0x3C, 2),
        u32("design_capacity", 0x3E, "0.001", "Ah"),
        state("cell_charge_temperature_state", 0x68, 0, 7, CODES),
        u16("charge_voltage_limit", 0x70, "0.1", "V"),
        u16("discharge_voltage_limit", 0x71, "0.1", "V"),
        u16("charge_current_limit", 0x72, "0.1", "A", scope="bank"),
        u16("discharge_current_limit", 0x73, "0.1", "A", scope="bank"),
        flag("charge_enable", 0x74, 7),
        flag("discharge_enable", 0x74, 6),
        u32("remaining_capacity", 0x76, "0.001", "Ah", scope="bank"),
    ],
    {
        **itself(
            *VOLTRONIC_CHARGE_ALARMS.values(), *VOLTRONIC_DISCHARGE_ALARMS.values(), *VOLTRONIC_CHARGE_PROTECT.values(),
            *VOLTRONIC_DISCHARGE_PROTECT.values(),
        ),
        "mosfet_over_temperature_protection": {
            "mosfet_over_temperature_protection_charge", "mosfet_over_temperature_protection_discharge",
        },
    },
)

# Sheet luxpower-rs485, profile L: decimal register numbers.
LUXPOWER_WARNINGS = {
    0: "pack_over_voltage_alarm", 1: "cell_over_voltage_alarm", 2: "pack_under_voltage_alarm", 3: "cell_under_voltage_alarm",
    4: "charge_over_current_alarm", 5: "discharge_over_current_alarm", 6: "ambient_temperature_alarm",
    7: "mosfet_over_temperature_alarm", 8: "charge_over_temperature_alarm", 9: "discharge_over_temperature_alarm",
    10: "charge_under_temperature_alarm", 11: "discharge_under_temperature_alarm", 12: "low_soc_alarm",
}
LUXPOWER_PROTECTIONS = {
    0: "pack_over_voltage_protection", 1: "cell_over_voltage_protection", 2: "pack_under_voltage_protection",
    3: "cell_under_voltage_protection", 4: "charge_over_current_protection", 5: "discharge_over_current_protection",
    6: "ambient_temperature_protection", 7: "mosfet_over_temperature_protection", 8: "charge_over_temperature_protection",
    9: "discharge_over_temperature_protection", 10: "charge_under_temperature_protection",
    11: "discharge_under_temperature_protection", 13: "short_circuit_protection",
}


def sensor(name, register, high):
    """A temperature of eight bits."""
    return Field(name, register, lambda words: Decimal(signed(words[0] >> 8 if high else words[0] & 0xFF, 8)), 1, Decimal(1), "degC")


LUXPOWER_L = Sheet(
    "pack",
    [
        u16("pack_voltage", 0, "0.01", "V"),
        i16("pack_current", 1, "0.01", "A"),
        *row(u16, "cell_voltage_{}", 2, 16, "1", "mV"),
        i16("temperature", 19, "1", "degC"),
        i16("max_cell_temperature", 20, "1", "degC"),
        u16("remaining_capacity", 21, "1", "Ah"),
        u16("charge_current_limit", 22, "1", "A"),
        u16("soh", 23, "1", "%"),
        u16("soc", 24, "1", "%"),
        *flags(26, LUXPOWER_WARNINGS),
        *flags(27, LUXPOWER_PROTECTIONS),
        u32("cycle_count", 29),
        sensor("cell_temperature_1", 33, True),
        sensor("cell_temperature_2", 33, False),
        sensor("cell_temperature_3", 34, True),
        sensor("cell_temperature_4", 34, False),
        sensor("ambient_temperature", 35, True),
        sensor("mosfet_temperature", 35, False),
        u16("cell_count", 36),
        u16("design_capacity", 37, "0.1", "Ah"),
        text("firmware_version", 117, 3, free=True),
        text("serial_number", 120, 8),
    ],
    {
        **itself(*LUXPOWER_WARNINGS.values(), *LUXPOWER_PROTECTIONS.values()),
        "ambient_over_temperature_alarm": {"ambient_temperature_alarm"},
        "ambient_under_temperature_alarm": {"ambient_temperature_alarm"},
        "ambient_over_temperature_protection": {"ambient_temperature_protection"},
        "ambient_under_temperature_protection": {"ambient_temperature_protection"},
    },
)

# Sheet schneider-rs485, profile P0: 32-bit values with the high word first.
SCHNEIDER_FLAGS = ["charge_over_current", "discharge_over_current", "over_temperature", "under_temperature", "over_voltage", "under_voltage"]


def schneider(ending):
    """Which of the six flags of Schneider stands for a condition."""
    places = {
        "charge_over_current": "charge_over_current", "discharge_over_current": "discharge_over_current",
        "charge_over_temperature": "over_temperature", "discharge_over_temperature": "over_temperature",
        "mosfet_over_temperature": "over_temperature", "charge_under_temperature": "under_temperature",
        "discharge_under_temperature": "under_temperature", "cell_over_voltage": "over_voltage",
        "pack_over_voltage": "over_voltage", "cell_under_voltage": "under_voltage", "pack_under_voltage": "under_voltage",
    }
    return {f"{condition}_{ending}": {f"{place}_{ending}"} for condition, place in places.items()}


SCHNEIDER = Sheet(
    "bank",
    [
        u16("protocol_version", 0x00, free=True),
        u32("charge_voltage_limit", 0x04, "0.01", "V"),
        u32("discharge_voltage_limit", 0x06, "0.01", "V"),
        i32("charge_current_limit", 0x08, "0.01", "A"),
        i32("discharge_current_limit", 0x0A, "0.01", "A"),
        u32("pack_voltage", 0x0C, "0.01", "V"),
        i32("pack_current", 0x0E, "0.01", "A"),
        i16("temperature", 0x10, "0.1", "degC"),
        u16("soc", 0x11, "0.1", "%"),
        flag("charge_enable", 0x14, 1),
        flag("discharge_enable", 0x14, 2),
        *flags(0x15, {bit: f"{name}_alarm" for bit, name in enumerate(SCHNEIDER_FLAGS)}),
        *flags(0x16, {bit: f"{name}_protection" for bit, name in enumerate(SCHNEIDER_FLAGS)}),
        u16("cycle_count", 0x19),
        u16("soh", 0x1A, "1", "%"),
        u16("full_capacity", 0x1B, "0.1", "Ah"),
        i16("max_cell_temperature", 0x1C, "0.1", "degC"),
        i16("min_cell_temperature", 0x1D, "0.1", "degC"),
        u16("max_cell_voltage", 0x1E, "1", "mV"),
        u16("min_cell_voltage", 0x1F, "1", "mV"),
        text("serial_number", 0x42, 10),
    ],
    {**schneider("alarm"), **schneider("protection")},
)

SHEETS = {
    "growatt-rs485": Sheet(
        "bank",
        # The last eight characters of the serial number.
        [*GROWATT_STATUS, text("serial_number", 0x09, 4), u16("using_capacity", 0x0F, "1", "Wh", free=True)],
        # A cell has no protection flag of its own (D).
        {
            **GROWATT_RAISES,
            "cell_over_voltage_protection": {"pack_over_voltage_protection"},
            "cell_under_voltage_protection": {"pack_under_voltage_protection"},
        },
    ),
    "luxpower-rs485-g": Sheet(
        "bank",
        [field for field in GROWATT_STATUS if field.name != "gauge_current"],
        {
            **GROWATT_RAISES,
            "cell_over_voltage_protection": {"pack_over_voltage_protection"},
            "cell_under_voltage_protection": {"pack_under_voltage_protection"},
        },
    ),
    "luxpower-rs485": LUXPOWER_L,
    "pace-modbus": PACE,
    "srne-modbus": PACE,
    "schneider-rs485": SCHNEIDER,
    "voltronic-rs485": VOLTRONIC,
}
