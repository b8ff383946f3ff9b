//! Switches and functions: 99, 9A, 9B, 9C (sheet, "99H control", "9AH / 9BH MOSFETs, 9CH shutdown").

use super::stack::shown;
use super::{Done, Info, Refusal, apply, own_pack, own_view, records, rtn};
use crate::pack::state::Flow;
use crate::rs485::{AfterReply, AsciiReply, Context};
use crate::setting::{Setting, Switch};

/// 99: one of the codes of the sheet; the reply repeats it and tells control_status_4.
pub(super) fn control(code: u8, context: &mut Context<'_>, reply: &mut AsciiReply) -> Done {
    let mut setting = None;
    match code {
        0x02 | 0x03 => own_pack(context)?.balancing.only_while_charging = code == 0x03,
        0x04 | 0x05 => context.memory.system_locked = code == 0x05,
        0x06 | 0x07 => context.memory.led_alarm_off = code == 0x07,
        0x08 | 0x09 => context.memory.limiter_low_gear = code == 0x09,
        0x0A => apply([Setting::ChargeCurrentLimiter(Switch::Automatic)], context)?,
        0x0B => apply([Setting::ChargeCurrentLimiter(Switch::Off)], context)?,
        0x0C | 0x0D => apply([Setting::Buzzer(code == 0x0D)], context)?,
        _ => setting = context.memory.selection.control(code)?,
    }
    let pack = shown(own_view(context), context);
    reply.push_bytes(&[code, records::control_4(&pack.pack, pack.status)]);
    Ok(setting.map(AfterReply::SelectProtocol))
}

/// 9A, 9B: 00 closes a MOSFET, 01 forces it open; not while the other one is forced open, nor against a current that
/// flows the other way, which would go through the body diode.
pub(super) fn switch_mosfet(
    wanted: u8,
    charge: bool,
    context: &mut Context<'_>,
    reply: &mut AsciiReply,
) -> Result<(), Refusal> {
    let switch = match wanted {
        0x00 => Switch::Automatic,
        0x01 => Switch::Off,
        _ => return Err(Refusal::OPERATION),
    };
    let pack = own_view(context);
    let may_not_open = if charge {
        pack.discharge_mosfet_forced_off || pack.flow == Flow::Discharging
    } else {
        pack.charge_mosfet_forced_off || pack.flow == Flow::Charging
    };
    if switch == Switch::Off && may_not_open {
        return Err(Refusal {
            rtn: rtn::OPERATION,
            status: Some(records::indication_3(&pack)),
        });
    }
    let setting = if charge {
        Setting::ChargeMosfet(switch)
    } else {
        Setting::DischargeMosfet(switch)
    };
    apply([setting], context)?;
    context.bank.refresh(context.now);
    reply.push_bytes(&[records::indication_3(&own_view(context))]);
    Ok(())
}

/// 9C, with or without a byte 01: the battery sleeps; while a current flows it is back at once (C).
pub(super) fn shut_down(info: &Info, context: &Context<'_>) -> Done {
    if !matches!(info.bytes(), [] | [0x01]) {
        return Err(Refusal::OPERATION);
    }
    Ok(Some(match own_view(context).flow {
        Flow::Idle => AfterReply::ShutDown,
        Flow::Charging | Flow::Discharging => AfterReply::Restart,
    }))
}
