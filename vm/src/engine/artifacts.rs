//! Compiled code that outlives the process.
//!
//! An artifact is named by a hash over all that it depends on: the code; and the environment, which
//! is the prices, the version of them and of the instrumentation, the compiler with its version and
//! settings, and the processor.
//! Whatever of it changes, the name is another, and the old artifact is never found. One that is
//! found and is not what was kept is compiled anew.

use std::fmt::Debug;
use std::sync::LazyLock;

use primitives::{Domain, Hash, codec};
use wasmer::sys::Target;

use crate::cost::{self, CostTable};

/// Where artifacts are kept; the node's affair. What it gives back is checked.
pub trait Artifacts: Debug + Send + Sync {
    /// What was kept under this name, if it is there.
    fn load(&self, name: &Hash) -> Option<Vec<u8>>;

    /// Keeps an artifact, or does not: it can be made again.
    fn keep(&self, name: &Hash, artifact: &[u8]);

    /// Whether nothing is kept under this name, and there is room for what is not needed at once.
    fn wants(&self, name: &Hash) -> bool;
}

/// Grows when the compiler's settings here, or the form of what is kept, change.
const FORMAT: u32 = 2;
/// Bytes of the checksum before an artifact.
const CHECKSUM_BYTES: usize = 32;

/// Everything that an artifact depends on but for the code: what was kept in another environment is
/// never asked for in this one.
pub fn environment() -> Hash {
    static ENVIRONMENT: LazyLock<Hash> = LazyLock::new(|| {
        let target = Target::default();
        let (triple, features) = (target.triple(), target.cpu_features());
        let (costs, wasmer) = (cost::VERSION, wasmer_types::VERSION);
        // The version says as much. But who forgets to change it shall not find the old code.
        let prices = Hash::of_bytes(Domain::Artifact, &codec::encode(&CostTable::own()));
        let all = format!(
            "{FORMAT} costs {costs} {prices} wasmer {wasmer} cranelift {triple} {features:?}"
        );
        Hash::of_bytes(Domain::Artifact, all.as_bytes())
    });
    *ENVIRONMENT
}

/// The name of what code is compiled to in this environment.
pub(crate) fn name(code: &Hash) -> Hash {
    Hash::of_parts(Domain::Artifact, &[&environment().0, &code.0])
}

/// An artifact with its checksum before it.
pub(crate) fn seal(artifact: &[u8]) -> Vec<u8> {
    [blake3::hash(artifact).as_bytes(), artifact].concat()
}

/// The artifact, when it is what was sealed.
pub(crate) fn open(sealed: &[u8]) -> Option<&[u8]> {
    let (checksum, artifact) = sealed.split_at_checked(CHECKSUM_BYTES)?;
    (blake3::hash(artifact).as_bytes() == checksum).then_some(artifact)
}
