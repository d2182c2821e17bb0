//! Attackers as real processes, in the short form that every test run plays. The long one is `cargo attacks`.

use attackers::AttackKind;
use quorate_tests::attacks::{Faulty, Trial};
use quorate_tests::load::Plan;

/// One attack that must be proved, one that withholds, one that lies about the past. [`Trial::run`] judges.
#[tokio::test(flavor = "multi_thread")]
async fn three_of_four_agree_and_go_on_beside_a_live_attacker() {
    let plan = Plan::new(100, 3, Some(24)).unwrap();
    for kind in [AttackKind::DoubleVoter, AttackKind::BatchWithholder, AttackKind::LyingSyncPeer] {
        let trial = Trial { validators: 4, faulty: Faulty::Attack(kind) };
        let outcome = trial.run(&plan).await.unwrap_or_else(|error| panic!("{kind}: {error:#}"));
        if kind.is_provable() {
            assert!(outcome.evidence.contains_key("validator-4"), "{kind}: {outcome:?}");
        }
    }
}
