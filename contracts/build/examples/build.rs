//! Builds contracts and puts each module beside its manifest: how the samples' modules are renewed.
//!
//! `cargo run -p quorate-contract-build --example build -- contracts/counter contracts/token`

use std::path::{Path, PathBuf};
use std::{env, error, fs};

use quorate_contract_build::{Options, build};

fn main() -> Result<(), Box<dyn error::Error>> {
    // One folder for all, so that the library is compiled once.
    let target_dir = env::temp_dir().join("quorate-contracts");
    for project in env::args().skip(1).map(PathBuf::from) {
        let options = Options { target_dir: Some(target_dir.clone()), ..Options::default() };
        let built = build(&project, &options)?;
        let name = built.wasm_path.file_name().map(Path::new).ok_or("the module has no name")?;
        let to = project.join(name);
        fs::copy(&built.wasm_path, &to)?;
        println!("{}: {} bytes", to.display(), built.size());
    }
    Ok(())
}
