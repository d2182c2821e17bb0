//! The contenders do the same work: they are given the same transfers, and hold the same balances.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use quorate_bench_contracts::contenders::{Kind, Settings};
use quorate_bench_contracts::parts;
use quorate_bench_contracts::race::Plan;
use quorate_bench_contracts::results::{self, Row};
use quorate_bench_contracts::workload::{BALANCE, Model, Transfer, Workload};

const ACCOUNTS: u32 = 40;

fn plan() -> Plan {
    Plan {
        contenders: Kind::ALL.to_vec(),
        accounts: ACCOUNTS,
        transfers: 200,
        rounds: 2,
        block: 33,
        asked: ACCOUNTS,
        seed: 7,
    }
}

/// Every balance by its store, and by its contract, is what a plain list holds; the race itself compares them.
#[test]
fn all_hold_what_a_plain_list_holds() {
    let mut raced = Vec::new();
    plan()
        .race(&mut |row| {
            if let Row::Transfers(row) = row {
                assert_eq!(row.per_s_of_rounds.len(), 2, "the first round only warms up");
                assert!(row.gas > 0.0, "{row:?}");
                raced.push(row.contender);
            }
            Ok(())
        })
        .unwrap();
    assert_eq!(raced, Kind::ALL);
}

#[test]
fn nobody_sends_more_than_it_has() {
    for kind in Kind::ALL {
        let mut contender = kind.open(&Settings { accounts: 3, block: 10 }).unwrap();
        let all = Transfer { from: 0, to: 1, amount: BALANCE };
        contender.prepare(&[all]).unwrap();
        contender.execute().unwrap();
        let one = Transfer { amount: 1, ..all };
        contender.prepare(&[one]).unwrap();
        assert!(contender.execute().is_err(), "{kind:?} sends what is not there");
        let held: Vec<u128> = (0..3).map(|account| contender.balance(account).unwrap()).collect();
        assert_eq!(held, [0, 2 * BALANCE, BALANCE], "{kind:?}");
        assert_eq!(contender.supply().unwrap(), 3 * BALANCE, "{kind:?}");
    }
}

#[test]
fn one_seed_gives_the_same_transfers() {
    let draw = |seed| Workload::new(ACCOUNTS, seed).next(500);
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
    let mut model = Model::new(ACCOUNTS);
    model.apply(&draw(1)).unwrap();
    assert_eq!(model.supply(), BALANCE * u128::from(ACCOUNTS));
    for transfer in draw(1) {
        assert_ne!(transfer.from, transfer.to);
        assert!(transfer.from < ACCOUNTS && transfer.to < ACCOUNTS && transfer.amount > 0);
    }
}

#[test]
fn every_part_runs_and_rows_are_read_back() {
    let mut lines = Vec::new();
    parts::measure_all(1, 1_000, &mut |row| {
        lines.push(serde_json::to_string(&row).unwrap());
        Ok(())
    })
    .unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), lines.join("\n")).unwrap();
    assert_eq!(results::read(file.path()).unwrap().len(), lines.len());
    assert!(lines.len() > 20, "{} parts", lines.len());
}
