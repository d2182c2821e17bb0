//! Simulator, attackers, real-process nets, conformance.
