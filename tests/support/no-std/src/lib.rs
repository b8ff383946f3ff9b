//! The firmware without a standard library.
#![no_std]

use core::panic::PanicInfo;

/// Runs the battery for a while and gives the number of frames that it sends.
pub fn run(seconds: u32) -> u32 {
    let mut battery = refbms::Bms::new(refbms::Config::default(), refbms::Instant::ZERO);
    let end = refbms::Instant::from_secs(seconds.into());
    let mut frames = 0;
    while let Some(now) = battery.poll_timeout().filter(|now| *now < end) {
        battery.handle_timeout(now);
        while battery.poll_transmit(now).is_some() {
            frames += 1;
        }
    }
    frames
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}
