//! A validator that is far behind hears of new blocks all the time, and catches up all the same.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod world;

use std::collections::BTreeSet;

use primitives::certificate::ParentCertificate;
use primitives::{ExecutionResult, Header, Justification, ValidatorIndex, Vote, limits};
use quorate_consensus::{Certificate, Core, Effect, Input, Message};
use world::*;

/// Blocks that the others commit while one validator has none of the first.
const BLOCKS: u64 = 1_200;
/// Blocks of one range of catch-up.
const RANGE: usize = limits::SYNC_BLOCKS_MAX;
/// Certificates, blocks and votes that it may keep meanwhile: a few ranges' worth.
const KEPT_MAX: usize = 6 * RANGE;

/// The result of a block, which is its height and nothing else.
fn result_of(block: &Header) -> ExecutionResult {
    ExecutionResult { height: block.height, ..result() }
}

/// A chain of one block a view, which all but validator 3 commit.
fn chain(world: &World) -> Vec<Header> {
    let mut blocks = vec![world.genesis.clone()];
    for view in 1..=BLOCKS {
        blocks.push(world.child(view, &blocks[blocks.len() - 1]));
    }
    blocks
}

fn commit_certificate(world: &World, block: &Header) -> primitives::CommitCertificate {
    let votes = [0, 1, 2].map(|signer| {
        let vote = world.commit(signer, block.view.0, block.hash(), result_of(block));
        let Vote::Commit(vote) = vote else { panic!("a commit vote") };
        (vote.signer, vote.signature)
    });
    primitives::CommitCertificate {
        epoch: block.epoch,
        view: block.view,
        block: block.hash(),
        result: result_of(block),
        signatures: primitives::Signatures(votes.to_vec()),
    }
}

/// What the live net sends for one block: its proposal, and the certificate that commits it.
fn live(world: &World, core: &mut Core, block: &Header, parent: &Header) -> Vec<Effect> {
    let view = parent.view.0;
    let parent = match view {
        0 => ParentCertificate::Genesis,
        _ => ParentCertificate::Prepare(world.prepare_certificate(view, block.parent, &[0, 1, 2])),
    };
    let now = at(10 * block.view.0);
    let proposal = world.justified(block.clone(), Justification { parent, timeouts: Vec::new() });
    let mut effects = core.step(now, proposal);
    let certificate = Box::new(Certificate::Commit(commit_certificate(world, block)));
    let message = Message::Certificate(certificate);
    effects.extend(core.step(now, Input::Message { from: ValidatorIndex(0), message }));
    effects
}

#[test]
fn what_it_keeps_does_not_grow_with_the_distance() {
    let world = World::new();
    let blocks = chain(&world);
    let mut core = world.core(3, Vec::new());
    let mut most = 0;
    // The first block never arrives.
    for pair in blocks[1..].windows(2) {
        live(&world, &mut core, &pair[1], &pair[0]);
        most = most.max(core.kept());
    }
    assert!(most <= KEPT_MAX, "it keeps {most} things");
    assert_eq!(core.status(0).others_height, Some(blocks[blocks.len() - 1].height));
}

/// Ranges come while the net goes on; every block is executed on its parent's result and committed once.
#[test]
fn it_catches_up_with_a_net_that_does_not_wait() {
    let world = World::new();
    let blocks = chain(&world);
    let mut core = world.core(3, Vec::new());
    let (mut live_tip, mut committed) = (blocks.len() / 2, 0);
    let mut coming = Vec::new();
    let mut executed = BTreeSet::from([world.genesis.hash()]);
    for pair in blocks[1..=live_tip].windows(2) {
        coming.extend(live(&world, &mut core, &pair[1], &pair[0]));
    }
    while committed + 1 < blocks.len() {
        if coming.is_empty() {
            let end = (committed + RANGE).min(live_tip);
            if end > committed {
                let headers = blocks[committed + 1..=end].to_vec();
                let certificate = commit_certificate(&world, &blocks[end]);
                coming = core.step(at(1_000_000), Input::Chain { headers, certificate });
            }
            if live_tip + 1 < blocks.len() {
                live_tip += 1;
                let (above, below) = (&blocks[live_tip], &blocks[live_tip - 1]);
                coming.extend(live(&world, &mut core, above, below));
            }
        }
        for effect in std::mem::take(&mut coming) {
            match effect {
                Effect::CheckPayload { header, .. } => {
                    let block = header.hash();
                    coming.extend(core.step(at(1_000_000), Input::PayloadReady { block }));
                }
                Effect::Execute { header } => {
                    assert!(executed.contains(&header.parent), "executed before its parent");
                    executed.insert(header.hash());
                    let (block, result) = (header.hash(), result_of(&header));
                    coming.extend(core.step(at(1_000_000), Input::Executed { block, result }));
                }
                Effect::Commit { blocks: headers, .. } => {
                    for header in headers {
                        committed += 1;
                        assert_eq!(header, blocks[committed], "another block, or not in order");
                    }
                }
                Effect::Discard { blocks } => {
                    for block in blocks {
                        assert!(!executed.remove(&block), "an executed block is dropped");
                    }
                }
                _ => {}
            }
        }
        assert!(core.kept() <= KEPT_MAX, "it keeps {}", core.kept());
    }
}
