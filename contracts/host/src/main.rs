//! Serves a chain to a test, for the tests of this repository. Everybody else's are served by
//! `quorate contract host`.

fn main() -> Result<(), quorate_contract_host::HostError> {
    quorate_contract_host::serve_stdio()
}
