//! Agreement: one chain, each block once and in order, everywhere with the certified result.

use std::collections::BTreeMap;

use primitives::{CommitCertificate, ExecutionResult, Hash, Header};

use crate::oracle::{Verdict, violation};
use crate::payload::ordered;

/// The chain that the instances commit.
#[derive(Debug)]
pub struct Ledger {
    /// As the first to commit each height had it.
    chain: Vec<Hash>,
    /// The last block that each instance committed.
    tips: Vec<(u64, Hash)>,
    results: BTreeMap<Hash, ExecutionResult>,
    /// The height of the highest block that orders something.
    payload_height: u64,
}

impl Ledger {
    pub fn new(genesis: &Header, instances: usize) -> Self {
        let hash = genesis.hash();
        Self {
            chain: vec![hash],
            tips: vec![(0, hash); instances],
            results: BTreeMap::new(),
            payload_height: 0,
        }
    }

    /// How far the chain has come.
    pub fn height(&self) -> u64 {
        self.chain.len() as u64 - 1
    }

    /// The height of the highest block that orders something.
    pub fn payload_height(&self) -> u64 {
        self.payload_height
    }

    pub fn height_of(&self, instance: usize) -> u64 {
        self.tips.get(instance).map_or(0, |(height, _)| *height)
    }

    /// A restart continues with what the disk has, which may lack the last commits.
    pub fn restarted(&mut self, instance: usize, height: u64, tip: Hash) {
        if let Some(place) = self.tips.get_mut(instance) {
            *place = (height, tip);
        }
    }

    /// `instance` commits these blocks.
    pub fn committed(
        &mut self,
        instance: usize,
        blocks: &[Header],
        certificate: &CommitCertificate,
        executed: Option<&ExecutionResult>,
    ) -> Verdict {
        for header in blocks {
            self.one_committed(instance, header)?;
        }
        let last = blocks.last().map(Header::hash);
        if last != Some(certificate.block) {
            let text = format!("instance {instance} commits {last:?} under {certificate:?}");
            return violation("commit order", text);
        }
        if executed != Some(&certificate.result) {
            let text = format!(
                "instance {instance} commits {} with {:?} and executed it to {executed:?}",
                certificate.block, certificate.result
            );
            return violation("certified result", text);
        }
        let first = *self.results.entry(certificate.block).or_insert(certificate.result);
        if first == certificate.result {
            return Ok(());
        }
        let text = format!("block {} is committed with two results", certificate.block);
        violation("certified result", text)
    }

    fn one_committed(&mut self, instance: usize, header: &Header) -> Verdict {
        let Some(tip) = self.tips.get_mut(instance) else { return Ok(()) };
        let hash = header.hash();
        if header.height.0 != tip.0 + 1 || header.parent != tip.1 {
            let text = format!(
                "instance {instance} commits {hash} of height {} after height {}",
                header.height, tip.0
            );
            return violation("commit order", text);
        }
        *tip = (header.height.0, hash);
        let position = usize::try_from(header.height.0).unwrap_or(usize::MAX);
        match self.chain.get(position) {
            Some(other) if *other != hash => {
                let text = format!(
                    "fork at height {}: instance {instance} commits {hash}, another {other}",
                    header.height
                );
                violation("agreement", text)
            }
            Some(_) => Ok(()),
            None => {
                self.chain.push(hash);
                if ordered(header).next().is_some() {
                    self.payload_height = header.height.0;
                }
                Ok(())
            }
        }
    }
}
