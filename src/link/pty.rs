//! A pseudo-terminal: a serial line without hardware, between two programs of one machine.

use serialport::{SerialPort, TTYPort};

use super::LinkError;

/// Both ends of a pseudo-terminal.
///
/// Another program opens [`path`](Pty::path). The slave end is held open here too, so that programs may come and go: a
/// master whose last slave was closed hangs up.
#[derive(Debug)]
pub struct Pty {
    /// The end that this program talks through.
    pub master: TTYPort,
    slave: TTYPort,
}

impl Pty {
    /// Makes a pseudo-terminal in raw mode.
    ///
    /// # Errors
    /// The system has none left, or `/dev/pts` is not mounted.
    pub fn open() -> Result<Pty, LinkError> {
        let failed = |error: serialport::Error| LinkError::Other {
            name: "pty".to_string(),
            reason: error.to_string(),
            help: "is /dev/pts mounted?".to_string(),
        };
        // The slave is neither locked nor made exclusive here: that would keep out the very program that is to open it.
        let (master, slave) = TTYPort::pair().map_err(failed)?;
        // The pair is open in every program that this one starts, and would never hang up there; its clones are not.
        Ok(Pty {
            master: master.try_clone_native().map_err(failed)?,
            slave: slave.try_clone_native().map_err(failed)?,
        })
    }

    /// The path that another program opens: `/dev/pts/5`.
    pub fn path(&self) -> String {
        self.slave.name().unwrap_or_default()
    }
}
