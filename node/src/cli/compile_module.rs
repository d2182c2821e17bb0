//! What a node starts for itself; no person needs it, so that no help shows it.

use clap::Args;

/// Compile one module with meters, from the standard input to the standard output
#[derive(Debug, Args)]
pub struct CompileModule {
    #[arg(long)]
    memory_mib: u64,
    #[arg(long)]
    cpu_seconds: u64,
}

impl CompileModule {
    pub fn run(&self) -> anyhow::Result<()> {
        crate::compiler::compile_module(self.memory_mib, self.cpu_seconds)
    }
}
