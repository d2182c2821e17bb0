//! Compiles `counter.c`, and puts the module with its description beside it: `cargo run -p c
//! --example embed`.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::Command;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let module = folder.join("c.wasm");
    if !Command::new(folder.join("build")).arg(&module).status()?.success() {
        return Err("the counter cannot be compiled".into());
    }
    let described = c::described(&fs::read(&module)?)?;
    fs::write(&module, &described)?;
    println!("{}: {} bytes", module.display(), described.len());
    Ok(())
}
