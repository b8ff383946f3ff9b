//! What a maker chooses about the RS232 service port.

/// How many bytes follow the design capacity in a record of 42, and the last warnings in one of 44 (sheet, "Record
/// tails").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RecordTail {
    /// None: the document of 2018.
    None,
    /// State of charge; one byte in 44.
    One,
    /// State of charge, counters, state of health; one byte in 44.
    Ten,
    /// These and the second measurements of voltage and current; one byte in 44.
    Fourteen,
    /// All of V3.1: these and the capacities of the bank; five bytes in 44.
    #[default]
    All,
}

/// Options of the RS232 service port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaceRs232Options {
    /// How long the records of 42 and 44 are.
    pub record_tail: RecordTail,
    /// Board and firmware, C1, filled with blanks.
    pub board: [u8; 20],
    /// Serial number of the BMS, C2, filled with blanks; C3 writes another one.
    pub model_serial_number: [u8; 20],
    /// Carry out commands that can be undone; otherwise RTN 09.
    pub writes: bool,
    /// Carry out commands that are dangerous or cannot be undone; otherwise RTN 09.
    pub dangerous_writes: bool,
    /// Know the commands 60 to 63 of V3.1; otherwise RTN 04.
    pub protocol_list: bool,
    /// A WiFi and Bluetooth module is fitted.
    pub wireless: bool,
    /// Tell the over-current thresholds with their release, as V3.1 prints them, not in the short form of the boards.
    pub long_over_current: bool,
    /// Tell the thresholds of the discharge current as negative numbers, as a board does.
    pub negative_discharge_thresholds: bool,
}

impl Default for PaceRs232Options {
    fn default() -> PaceRs232Options {
        PaceRs232Options {
            record_tail: RecordTail::All,
            board: *b"P16S200A-28000-1.20 ",
            model_serial_number: *b"BMS0000000001       ",
            writes: true,
            dangerous_writes: false,
            protocol_list: true,
            wireless: false,
            long_over_current: false,
            negative_discharge_thresholds: true,
        }
    }
}
