//! Compiled modules kept in memory, bounded in bytes, the least recently used leaving first.
//!
//! What is in the cache never shows in a result: gas is the same for a hit and a miss.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use primitives::Hash;

use crate::engine::{Artifacts, Engine, Fatal, artifacts};
use crate::module::ContractModule;

pub(crate) struct ModuleCache {
    engine: Arc<dyn Engine>,
    /// Where modules are kept beyond the process.
    artifacts: Option<Arc<dyn Artifacts>>,
    bytes_max: usize,
    kept: Mutex<Kept>,
    /// What is being made ready. Whoever else wants it waits: a module that takes long takes that
    /// time once, however many ask.
    making: Mutex<BTreeSet<Hash>>,
    made: Condvar,
}

#[derive(Default)]
struct Kept {
    modules: BTreeMap<Hash, (u64, Arc<ContractModule>)>,
    bytes: usize,
    /// Counts uses; the smallest number is the least recent.
    uses: u64,
}

impl ModuleCache {
    pub(crate) fn new(
        engine: Arc<dyn Engine>,
        artifacts: Option<Arc<dyn Artifacts>>,
        bytes_max: usize,
    ) -> Self {
        let (kept, making, made) = (Mutex::default(), Mutex::default(), Condvar::new());
        Self { engine, artifacts, bytes_max, kept, making, made }
    }

    /// The compiled module of a code hash, when it is in memory.
    pub(crate) fn find(&self, code: &Hash) -> Option<Arc<ContractModule>> {
        self.kept().find(code)
    }

    /// The compiled module of a code hash; `load` reads the code when it is not kept. Compiles
    /// without the lock, so that a long compilation holds up nobody but those who want it.
    pub(crate) fn get(
        &self,
        code: &Hash,
        load: impl FnOnce() -> Result<Vec<u8>, Fatal>,
    ) -> Result<Arc<ContractModule>, Fatal> {
        if let Some(module) = self.kept().find(code) {
            return Ok(module);
        }
        let _making = Making::begin(self, *code);
        if let Some(module) = self.kept().find(code) {
            return Ok(module);
        }
        let module = Arc::new(self.make(code, load)?);
        if !module.program.is_makeshift() {
            self.kept().insert(*code, &module, self.bytes_max);
        }
        Ok(module)
    }

    /// Has a module compiled and kept beyond the process, before anybody calls it. False when it is
    /// kept already, cannot be compiled, or has no place.
    pub(crate) fn prepare(
        &self,
        code: &Hash,
        load: impl FnOnce() -> Result<Vec<u8>, Fatal>,
    ) -> Result<bool, Fatal> {
        let name = artifacts::name(code);
        let wanting = || self.artifacts.as_deref().filter(|artifacts| artifacts.wants(&name));
        if wanting().is_none() {
            return Ok(false);
        }
        let _making = Making::begin(self, *code);
        // Whoever made it meanwhile has kept it.
        let Some(artifacts) = wanting() else { return Ok(false) };
        ContractModule::compile(&*self.engine, Some(artifacts), code, &load()?)?;
        Ok(!artifacts.wants(&name))
    }

    fn make(
        &self,
        code: &Hash,
        load: impl FnOnce() -> Result<Vec<u8>, Fatal>,
    ) -> Result<ContractModule, Fatal> {
        let (engine, artifacts) = (&*self.engine, self.artifacts.as_deref());
        match artifacts.and_then(|artifacts| ContractModule::kept(engine, artifacts, code)) {
            Some(module) => Ok(module),
            None => ContractModule::compile(engine, artifacts, code, &load()?),
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Nothing in here panics half-way through a change.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A module is being made ready for as long as this lives.
struct Making<'a> {
    cache: &'a ModuleCache,
    code: Hash,
}

impl<'a> Making<'a> {
    /// Waits while another makes the same.
    fn begin(cache: &'a ModuleCache, code: Hash) -> Self {
        let making = cache.making.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = cache.made.wait_while(making, |making| making.contains(&code));
        waited.unwrap_or_else(PoisonError::into_inner).insert(code);
        Self { cache, code }
    }
}

impl Drop for Making<'_> {
    fn drop(&mut self) {
        let mut making = self.cache.making.lock().unwrap_or_else(PoisonError::into_inner);
        making.remove(&self.code);
        self.cache.made.notify_all();
    }
}

impl Kept {
    fn find(&mut self, code: &Hash) -> Option<Arc<ContractModule>> {
        self.uses += 1;
        let (used, module) = self.modules.get_mut(code)?;
        *used = self.uses;
        Some(Arc::clone(module))
    }

    fn insert(&mut self, code: Hash, module: &Arc<ContractModule>, bytes_max: usize) {
        self.uses += 1;
        if let Some((_, old)) = self.modules.insert(code, (self.uses, Arc::clone(module))) {
            self.bytes -= old.program.size();
        }
        self.bytes += module.program.size();
        while self.bytes > bytes_max {
            let oldest =
                self.modules.iter().min_by_key(|(_, (used, _))| *used).map(|(code, _)| *code);
            let Some((_, dropped)) = oldest.and_then(|code| self.modules.remove(&code)) else {
                return;
            };
            self.bytes -= dropped.program.size();
        }
    }
}

#[cfg(test)]
mod tests {
    use primitives::Domain;

    use super::*;
    use crate::engine::Wasmer;

    fn code(number: u32) -> Vec<u8> {
        let text =
            format!("(module (memory (export \"memory\") 1) (global i32 (i32.const {number})))");
        crate::testing::contract(&text, &[])
    }

    /// A cache that holds only one module still answers for all, and compiles again what left.
    #[test]
    fn is_bounded_in_bytes() {
        let engine = Arc::new(Wasmer::default());
        let size =
            ContractModule::compile(&*engine, None, &Hash::ZERO, &code(1)).unwrap().program.size();
        let cache = ModuleCache::new(engine, None, size + size / 2);
        let mut loads = 0;
        for number in [1, 1, 2, 1] {
            let code = code(number);
            let hash = Hash::of_bytes(Domain::Code, &code);
            cache
                .get(&hash, || {
                    loads += 1;
                    Ok(code.clone())
                })
                .unwrap();
            assert!(cache.kept().bytes <= size + size / 2);
        }
        assert_eq!(loads, 3);
    }
}
