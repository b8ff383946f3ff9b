//! The session part of a definition: what the inverter does, when replies come, what errors lead to, rules.

use super::*;
use crate::document::diagnostic::did_you_mean;

impl Loader<'_> {
    pub(super) fn session(&mut self, node: &Node, defaults: Defaults, protocol: &mut Protocol) {
        for frame in list(node.get("inverter")) {
            let inverter = self.inverter(frame, defaults, protocol);
            protocol.inverter.extend(inverter);
        }
        protocol.keepalive = node.get("keepalive").and_then(|keepalive| {
            Some(Keepalive {
                timeout: keepalive.get("timeout").and_then(|timeout| self.duration(timeout)),
                goes_on: self.duration(keepalive.get("goes_on")?)?,
                grade: self.grade(keepalive, defaults.grade),
            })
        });
        if let Some(other) = node.get("other_ids") {
            protocol.other_ids = (
                self.outcome(other, Outcome::Information),
                self.grade(other, defaults.grade),
            );
        }
        for forbidden in list(node.get("forbidden_ids")) {
            let Some(id) = forbidden.get("id").and_then(|id| self.id(id, protocol)) else {
                continue;
            };
            let grade = self.grade(forbidden, defaults.grade);
            protocol.forbidden_ids.push((id, grade));
        }
        protocol.first_set = node
            .get("first_set")
            .and_then(|first| Some((self.duration(first.get("within")?)?, self.grade(first, defaults.grade))));
        protocol.addresses = node.get("address").map(|address| {
            let mut codes = |key: &str| {
                list(address.get(key))
                    .iter()
                    .filter_map(|code| self.number(code))
                    .collect::<Vec<u8>>()
            };
            Addresses {
                pack_offsets: codes("pack_offsets"),
                system: codes("system"),
                silent: codes("silent"),
                scan: codes("scan"),
            }
        });
        protocol.timing = node.get("timing").and_then(|timing| {
            let rule = ReplyTiming {
                not_before: timing.get("not_before").and_then(|node| self.duration(node)),
                warn: self.duration(timing.get("warn")?)?,
                fail: self.duration(timing.get("fail")?)?,
                gap: self.duration(timing.get("gap")?)?,
                grade: self.grade(timing, defaults.grade),
            };
            if rule.warn > rule.fail {
                let place = timing.get("warn").unwrap_or(timing).span.clone();
                self.error("timing", "the warning limit lies above the failure limit", place);
            }
            Some(rule)
        });
        protocol.return_codes = self.states(node.get("return_codes"));
        for (situation, rule) in node.get("errors").map_or(&[][..], Node::entries) {
            let Some(expect) = rule.get("expect").and_then(|expect| self.reaction(expect)) else {
                continue;
            };
            let error = ErrorRule {
                situation: situation.text().unwrap_or_default().to_string(),
                title: rule.get_text("title").unwrap_or_default().to_string(),
                expect,
                accept: list(rule.get("accept"))
                    .iter()
                    .filter_map(|node| self.reaction(node))
                    .collect(),
                warn: list(rule.get("warn"))
                    .iter()
                    .filter_map(|node| self.reaction(node))
                    .collect(),
                grade: self.grade(rule, defaults.grade),
                origin: self.origin(situation),
            };
            protocol.errors.push(error);
        }
        for (name, plan) in node.get("plans").map_or(&[][..], Node::entries) {
            let plan = self.plan(name, plan, defaults, protocol);
            protocol.plans.extend(plan);
        }
        for setting in list(node.get("settings")) {
            let Some(plan) = setting.get("plan") else { continue };
            let name = plan.text().unwrap_or_default();
            if !protocol.plans.iter().any(|known| known.name == name) {
                let help = did_you_mean(name, protocol.plans.iter().map(|plan| plan.name.as_str()));
                let message = format!("`{name}` is not among the `plans` of this definition");
                self.report(Diagnostic::error("unknown-plan", message, plan.span.clone()).maybe_help(help));
            }
        }
        protocol.rules = self.rules(node, defaults.grade);
        for (name, join) in node.get("join").map_or(&[][..], Node::entries) {
            let mut parts = Vec::new();
            for part in list(join.get("parts")) {
                let text = part.text().unwrap_or_default();
                let found = text.split_once('.').and_then(|(message, field)| {
                    let message = protocol.message_by_reference(message)?;
                    message
                        .field(field)
                        .map(|field| (message.name.clone(), field.name.clone()))
                });
                match found {
                    Some(part) => parts.push(part),
                    None => {
                        let message = format!("`{text}` is no field of this definition");
                        let help = "write message and field: `0x370.battery_name_1`";
                        self.report(Diagnostic::error("unknown-field", message, part.span.clone()).help(help));
                    }
                }
            }
            protocol.joins.push(Join {
                name: name.text().unwrap_or_default().to_string(),
                parts,
                right: join.get_text("align") == Some("right"),
            });
        }
        for deviation in list(node.get("deviations")) {
            let deviation = self.deviation(deviation, defaults, protocol);
            protocol.deviations.extend(deviation);
        }
    }

    fn id(&mut self, node: &Node, protocol: &Protocol) -> Option<CanId> {
        let number: u32 = self.number(node)?;
        let extended = matches!(protocol.bus, Bus::Can { extended: true, .. });
        let id = if extended {
            CanId::extended(number)
        } else {
            CanId::standard(number)
        };
        if id.is_none() {
            self.error(
                "identifier",
                "the identifier does not fit the bus's format",
                node.span.clone(),
            );
        }
        id
    }

    fn inverter(&mut self, node: &Node, defaults: Defaults, protocol: &mut Protocol) -> Option<InverterFrame> {
        let id = self.id(node.get("id")?, protocol)?;
        let payload_node = node.get("payload")?;
        let payload = payload_node.text().and_then(scalar::bytes)?;
        if payload.len() > 8 {
            self.error("length", "a CAN frame has at most 8 bytes", payload_node.span.clone());
            return None;
        }
        let grade = self.grade(node, defaults.grade);
        let name = node.get_text("name")?.to_string();
        let running = fields::Running { first: 1 };
        let inner = Defaults {
            grade,
            order: self.byte_order(node, defaults.order),
        };
        let layout = self.layout(node, "fields", inner, &name, protocol, running);
        // The frame is a message too, so that captures show it by name.
        protocol.messages.push(Message {
            key: MessageKey::Can(id),
            name: name.clone(),
            title: node.get_text("title").unwrap_or_default().to_string(),
            from: Sender::Inverter,
            layout,
            request: Layout::default(),
            address: AddressClass::Any,
            length: LengthRule::default(),
            period: None,
            presence: Presence::Optional,
            claim: None,
            variants: Vec::new(),
            danger: None,
            extra_request_bytes: false,
            refusals_with_data: Vec::new(),
            grade,
            origin: self.origin(node),
        });
        Some(InverterFrame {
            id,
            payload,
            every: self.duration(node.get("every")?)?,
            accept_any: node.get_text("accept") != Some("exact"),
            either_width: node.get_text("id_width") == Some("either"),
            grade,
            name,
            origin: self.origin(node),
        })
    }

    fn reaction(&mut self, node: &Node) -> Option<Reaction> {
        let text = node.text().unwrap_or_default();
        let code = |prefix: &str| {
            text.strip_prefix(prefix)
                .and_then(|code| scalar::whole(code.trim()))
                .and_then(|code| u8::try_from(code).ok())
        };
        let reaction = match text {
            "silence" => Some(Reaction::Silence),
            "data" => Some(Reaction::Data),
            _ => code("rtn ")
                .map(Reaction::ReturnCode)
                .or_else(|| code("exception ").map(Reaction::Exception)),
        };
        if reaction.is_none() {
            let message = format!("`{text}` is no reaction");
            let help = "write `silence`, `data`, `rtn 0x02` or `exception 2`";
            self.report(Diagnostic::error("reaction", message, node.span.clone()).help(help));
        }
        reaction
    }

    fn plan(&mut self, name: &Node, node: &Node, defaults: Defaults, protocol: &Protocol) -> Option<Plan> {
        let mut ask = Vec::new();
        for question in list(node.get("ask")) {
            let text = question.text().unwrap_or_default();
            match planned(text, protocol) {
                Some(asked) => {
                    let command = protocol.command(asked.command).filter(|_| asked.registers.is_none());
                    if command.is_some_and(|command| command.danger.is_some()) {
                        self.error(
                            "danger",
                            "a plan must not ask what changes or stops a battery",
                            question.span.clone(),
                        );
                    }
                    ask.push(asked);
                }
                _ => {
                    let help = if protocol.registers.is_some() {
                        "write registers and address: `0..12 @ 1`, or `0x04 0..12 @ 1` for another function than 0x03"
                    } else {
                        "write command and address: `0x61 @ 0x02`"
                    };
                    let message = format!("`{text}` asks nothing of this definition");
                    self.report(Diagnostic::error("unknown-command", message, question.span.clone()).help(help));
                }
            }
        }
        Some(Plan {
            name: name.text()?.to_string(),
            title: node.get_text("title").unwrap_or_default().to_string(),
            ask,
            every: self.duration(node.get("every")?)?,
            grade: self.grade(node, defaults.grade),
        })
    }

    pub(super) fn rules(&mut self, node: &Node, grade: Grade) -> Vec<RuleDefinition> {
        list(node.get("rules"))
            .iter()
            .filter_map(|rule| self.rule(rule, grade))
            .collect()
    }

    fn rule(&mut self, node: &Node, grade: Grade) -> Option<RuleDefinition> {
        Some(RuleDefinition {
            id: node.get_text("id")?.to_string(),
            title: node.get_text("title").unwrap_or_default().to_string(),
            when: node.get("when").and_then(|when| self.expression(when)),
            then: self.expression(node.get("then")?)?,
            during: node.get("during").and_then(|during| self.duration(during)),
            max_age: node.get("max_age").and_then(|age| self.duration(age)),
            tolerance: node.get_text("tolerance").and_then(|text| text.parse().ok()),
            outcome: self.outcome(node, Outcome::Fail),
            grade: self.grade(node, grade),
            own_message: None,
            origin: self.origin(node),
        })
    }

    fn deviation(&mut self, node: &Node, defaults: Defaults, protocol: &Protocol) -> Option<Deviation> {
        let message_node = node.get("message")?;
        let reference = message_node.text()?;
        let Some(message) = protocol.message_by_reference(reference) else {
            let names = protocol.messages.iter().map(|message| message.name.as_str());
            let help = did_you_mean(reference, names);
            let text = format!("`{reference}` is no message of this definition");
            self.report(Diagnostic::error("unknown-message", text, message_node.span.clone()).maybe_help(help));
            return None;
        };
        Some(Deviation {
            id: node.get_text("id")?.to_string(),
            title: node.get_text("title")?.to_string(),
            message: message.name.clone(),
            when: self.expression(node.get("when")?)?,
            outcome: self.outcome(node, Outcome::Warning),
            grade: self.grade(node, defaults.grade),
        })
    }
}

/// A question of a plan: `0x61 @ 0x02`, or `[0x04] 0..12 @ 1` where registers are read.
fn planned(text: &str, protocol: &Protocol) -> Option<PlannedQuestion> {
    let (asked, address) = text.split_once('@')?;
    let address = u8::try_from(scalar::whole(address.trim())?).ok()?;
    let Some(map) = &protocol.registers else {
        let command = u8::try_from(scalar::whole(asked.trim())?).ok()?;
        return protocol.command(command).map(|_| PlannedQuestion {
            command,
            registers: None,
            address,
        });
    };
    let mut words = asked.split_whitespace();
    let (first, second) = (words.next()?, words.next());
    let (command, registers) = match second {
        Some(registers) => (u8::try_from(scalar::whole(first)?).ok()?, registers),
        None => (map.read_function(), first),
    };
    let range = scalar::whole_range(registers)?;
    let start = u16::try_from(*range.start()).ok()?;
    let last = u16::try_from(*range.end()).ok()?;
    let count = (last - start).checked_add(1)?;
    (words.next().is_none() && is_read(command)).then_some(PlannedQuestion {
        command,
        registers: Some((start, count)),
        address,
    })
}
