//! The log: what the battery looked like when its alarms changed (sheet, "A1H log record").

/// Bytes of one record.
pub(crate) const RECORD: usize = 72;
/// A real board keeps 400 records.
const KEPT: usize = 48;

/// The newest records.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    records: [[u8; RECORD]; KEPT],
    /// Where the next one goes.
    next: usize,
    count: usize,
}

impl Log {
    pub(crate) const fn new() -> Log {
        Log {
            records: [[0; RECORD]; KEPT],
            next: 0,
            count: 0,
        }
    }

    /// Adds a record; the oldest one makes place for it.
    pub(crate) fn add(&mut self, record: [u8; RECORD]) {
        self.records[self.next] = record;
        self.next = (self.next + 1) % KEPT;
        self.count = (self.count + 1).min(KEPT);
    }

    /// A record by its number: 0 is the newest.
    pub(crate) fn record(&self, number: u16) -> Option<&[u8; RECORD]> {
        let number = usize::from(number);
        (number < self.count).then(|| &self.records[(self.next + KEPT - 1 - number) % KEPT])
    }

    pub(crate) fn clear(&mut self) {
        (self.next, self.count) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_comes_first_and_the_oldest_goes() {
        let mut log = Log::new();
        assert_eq!(log.record(0), None);
        for number in 0..KEPT + 3 {
            log.add([u8::try_from(number).unwrap(); RECORD]);
            assert_eq!(log.record(0).unwrap()[0], u8::try_from(number).unwrap());
        }
        assert_eq!(log.record(1).unwrap()[71], u8::try_from(KEPT + 1).unwrap());
        assert_eq!(log.record(u16::try_from(KEPT - 1).unwrap()).unwrap()[0], 3);
        assert_eq!(log.record(u16::try_from(KEPT).unwrap()), None);
        assert_eq!(log.record(u16::MAX), None);
        log.clear();
        assert_eq!(log.record(0), None);
    }
}
