//! Chained PBFT as a pure state machine: rules, votes, pacemaker, certificates, evidence, recovery.
