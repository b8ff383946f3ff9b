//! Links the reference BMS without std and without an allocator; see Cargo.toml.
#![no_std]
#![forbid(unsafe_code)]

use refbms::{Bms, Config, Instant, Transmit};

/// One step of a driver, so that the firmware is really linked.
pub fn step(bms: &mut Bms, now: Instant, received: &[u8]) -> bool {
    bms.handle_serial(now, received);
    matches!(bms.poll_transmit(now), Some(Transmit::Serial(_)))
}

/// A battery as delivered.
pub fn battery(now: Instant) -> Bms {
    Bms::new(Config::default(), now)
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
