//! Units: how nodes are stored.
//!
//! A unit is the subtree below a path's first two bytes. Its nodes are stored together, as they
//! were after some block, in turns: a little with each commit. At the start they are read, and the
//! pages that changed since are read again. So a unit's row may be as old as it likes; it must only
//! not be older than the `changes` that are kept.
//!
//! Written whole, not node by node: there are about 4 bytes of nodes for each key, a commit writes
//! 400 for each key it changes, and a row that stands for itself leaves nothing behind to delete.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use borsh::{BorshDeserialize, BorshSerialize, io};
use primitives::{Hash, Height};

use super::node::{FAN_OUT, LEVELS, Node, PageSlot, Slot};
use super::{PAGE_LEAVES_MAX, Tree, Update};
use crate::hashing::DEPTH_MAX;
use crate::store::StoreError;

/// Where the units' subtrees begin, in bits.
pub(crate) const UNIT_DEPTH: usize = 16;

/// The first two bytes of a path.
pub(crate) type Unit = [u8; 2];

/// The nodes of one unit after the block at `height`.
#[derive(Clone, Debug)]
pub(crate) struct UnitNodes {
    pub(crate) height: Height,
    pub(crate) nodes: Arc<Node>,
}

/// The first path of a unit.
pub(crate) fn first_path(unit: Unit) -> Hash {
    let mut path = Hash::ZERO;
    path.0[..2].copy_from_slice(&unit);
    path
}

pub(crate) fn unit_of(path: &Hash) -> Unit {
    let [first, second, ..] = path.0;
    [first, second]
}

impl Tree {
    /// The nodes of a unit; nothing when pages hold all of it.
    pub(crate) fn unit(&self, unit: Unit) -> Option<&Arc<Node>> {
        match self.slot(&first_path(unit), UNIT_DEPTH)? {
            Slot::Node(node) => Some(node),
            Slot::Empty | Slot::Page(_) => None,
        }
    }

    /// The units that have nodes, ascending.
    pub(crate) fn units(&self) -> Vec<Unit> {
        let mut units = Vec::new();
        visit(&self.root, 0, 0, &mut |unit| units.push(unit));
        units
    }

    /// The tree over the units' subtrees; `how` reads what becomes a page.
    pub(crate) fn of_units(
        units: BTreeMap<Unit, Slot>,
        how: &Update<'_>,
    ) -> Result<Self, StoreError> {
        let at = |(unit, slot)| (usize::from(u16::from_be_bytes(unit)), slot);
        let mut level: BTreeMap<usize, Slot> = units.into_iter().map(at).collect();
        for depth in (0..UNIT_DEPTH).step_by(LEVELS).rev() {
            let mut above = BTreeMap::<usize, [Slot; FAN_OUT]>::new();
            for (at, slot) in level {
                if let Some(place) = above.entry(at / FAN_OUT).or_default().get_mut(at % FAN_OUT) {
                    *place = slot;
                }
            }
            level = BTreeMap::new();
            for (at, slots) in above {
                let node = Node::new(slots);
                let slot = if node.is_small() {
                    let Ok(start) = u16::try_from(at << (UNIT_DEPTH - depth)) else {
                        panic!("a path begins with two bytes")
                    };
                    how.collapse(&node, &first_path(start.to_be_bytes()), depth)?
                } else {
                    Slot::Node(Arc::new(node))
                };
                level.insert(at, slot);
            }
        }
        Ok(Self { root: level.remove(&0).unwrap_or_default() })
    }
}

fn visit(slot: &Slot, bits: u16, depth: usize, found: &mut impl FnMut(Unit)) {
    let Slot::Node(node) = slot else { return };
    if depth == UNIT_DEPTH {
        return found(bits.to_be_bytes());
    }
    for (nibble, slot) in (0u16..).zip(&node.slots) {
        visit(slot, bits | nibble << (UNIT_DEPTH - LEVELS - depth), depth + LEVELS, found);
    }
}

/// What stands in a slot, before its hash.
#[derive(BorshSerialize, BorshDeserialize)]
enum Kind {
    Empty,
    Page { count: u8 },
    Node,
}

impl BorshSerialize for UnitNodes {
    fn serialize<W: io::Write>(&self, writer: &mut W) -> io::Result<()> {
        self.height.serialize(writer)?;
        write_node(&self.nodes, writer)
    }
}

fn write_node<W: io::Write>(node: &Node, writer: &mut W) -> io::Result<()> {
    for slot in &node.slots {
        match slot {
            Slot::Empty => Kind::Empty.serialize(writer)?,
            Slot::Page(page) => {
                Kind::Page { count: page.count }.serialize(writer)?;
                page.hash.serialize(writer)?;
            }
            Slot::Node(node) => {
                Kind::Node.serialize(writer)?;
                write_node(node, writer)?;
            }
        }
    }
    Ok(())
}

impl BorshDeserialize for UnitNodes {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let height = Height::deserialize_reader(reader)?;
        let nodes = Arc::new(read_node(reader, height, UNIT_DEPTH)?);
        Ok(Self { height, nodes })
    }
}

fn read_node<R: io::Read>(reader: &mut R, born: Height, depth: usize) -> io::Result<Node> {
    let refuse = |why| Err(io::Error::new(io::ErrorKind::InvalidData, why));
    if depth >= DEPTH_MAX {
        return refuse("a node below the end of all paths");
    }
    let mut slots = <[Slot; FAN_OUT]>::default();
    for slot in &mut slots {
        *slot = match Kind::deserialize_reader(reader)? {
            Kind::Empty => Slot::Empty,
            Kind::Page { count } if (1..=PAGE_LEAVES_MAX).contains(&usize::from(count)) => {
                let hash = Hash::deserialize_reader(reader)?;
                Slot::Page(PageSlot { hash, count, born, used: false, page: OnceLock::new() })
            }
            Kind::Page { .. } => return refuse("a page of more leaves than a page holds, or none"),
            Kind::Node => Slot::Node(Arc::new(read_node(reader, born, depth + LEVELS)?)),
        };
    }
    let node = Node::new(slots);
    if node.is_small() {
        return refuse("a node of so few leaves that it is a page");
    }
    Ok(node)
}
