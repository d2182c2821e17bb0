//! The memory of contracts: reserved once, used again and again.
//!
//! Mapping and unmapping is three quarters of what an instance costs. So regions are kept when
//! their instance ends, and whoever gets one next finds zeros: written there, or fresh pages of the
//! system in the place of those that were touched. A growth beyond what the system can give would
//! be seen by the contract as -1 from `memory.grow`, on this machine and not on others; the process
//! stops instead.

#![allow(unsafe_code)]

use std::ffi::c_void;
use std::ptr::{self, NonNull};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::mm::{
    Advice, MapFlags, MprotectFlags, ProtFlags, madvise, mmap_anonymous, mprotect, munmap,
};
use wasmer::sys::vm::{
    LinearMemory, VMConfig, VMMemory, VMMemoryDefinition, VMTable, VMTableDefinition,
};
use wasmer::sys::{BaseTunables, Tunables};
use wasmer::{MemoryError, MemoryStyle, MemoryType, Pages, TableStyle, TableType};

/// Address space of a region: all that 32 bits can name, and as much again for the constant offset
/// of an instruction, so that compiled code needs no checks.
#[expect(clippy::cast_possible_truncation, reason = "no machine of 32 bits has room for it anyway")]
const RESERVED_BYTES: usize = (1 << 32) + MemoryStyle::static_offset_guard_size() as usize;
/// Bytes at a region's beginning that are overwritten with zeros in place, which takes less time
/// than to give pages back and have them faulted in again.
pub(super) const ZEROED_BYTES: usize = 1 << 20;
/// Regions that are kept for the next instance; as many as calls can be nested, and some more.
const KEPT_MAX: usize = 128;

/// Regions that no instance uses.
#[derive(Debug, Default)]
pub(crate) struct Pool(Mutex<Vec<Region>>);

impl Pool {
    fn regions(&self) -> MutexGuard<'_, Vec<Region>> {
        // Nothing in here panics half-way through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A region whose first bytes can be used, are all zero, and are so many.
    fn take(&self, bytes: usize) -> rustix::io::Result<Region> {
        let kept = self.regions().pop();
        let mut region = kept.map_or_else(Region::reserve, Ok)?;
        region.resize(bytes)?;
        Ok(region)
    }

    fn put_back(&self, mut region: Region) {
        if region.clear().is_ok() {
            let mut regions = self.regions();
            if regions.len() < KEPT_MAX {
                regions.push(region);
            }
        }
    }
}

/// Reserved address space, of which the beginning can be used.
#[derive(Debug)]
struct Region {
    base: NonNull<c_void>,
    usable_bytes: usize,
}

// SAFETY: it is memory that nobody else has a pointer to.
unsafe impl Send for Region {}
// SAFETY: through a shared reference nothing but numbers can be read.
unsafe impl Sync for Region {}

impl Region {
    fn reserve() -> rustix::io::Result<Self> {
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        // SAFETY: a new mapping, wherever the system wants.
        let base =
            unsafe { mmap_anonymous(ptr::null_mut(), RESERVED_BYTES, ProtFlags::empty(), flags) }?;
        let Some(base) = NonNull::new(base) else { panic!("the system maps nothing at zero") };
        Ok(Self { base, usable_bytes: 0 })
    }

    /// Makes so many bytes usable. What is added is zero, if the region was cleared after it last
    /// had that many.
    fn resize(&mut self, bytes: usize) -> rustix::io::Result<()> {
        let (from, to, flags) = if bytes > self.usable_bytes {
            (self.usable_bytes, bytes, MprotectFlags::READ | MprotectFlags::WRITE)
        } else {
            (bytes, self.usable_bytes, MprotectFlags::empty())
        };
        if from < to {
            assert!(to <= RESERVED_BYTES, "more than is reserved");
            // SAFETY: these bytes lie in the mapping, and only the instance has pointers to them.
            unsafe { mprotect(self.base.as_ptr().byte_add(from), to - from, flags) }?;
        }
        self.usable_bytes = bytes;
        Ok(())
    }

    /// Makes all usable bytes zero. Touched pages beyond the first are given back to the system.
    fn clear(&mut self) -> rustix::io::Result<()> {
        let zeroed = self.usable_bytes.min(ZEROED_BYTES);
        // SAFETY: these bytes are usable, and nobody has pointers to them any more.
        unsafe { ptr::write_bytes(self.base.as_ptr().cast::<u8>(), 0, zeroed) };
        if zeroed == self.usable_bytes {
            return Ok(());
        }
        // SAFETY: as above.
        let rest = unsafe { self.base.as_ptr().byte_add(zeroed) };
        // SAFETY: as above.
        unsafe { madvise(rest, self.usable_bytes - zeroed, Advice::LinuxDontNeed) }
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: it is the whole mapping, and nobody has pointers to it any more. There is nothing
        // to do about a failure.
        let _ = unsafe { munmap(self.base.as_ptr(), RESERVED_BYTES) };
    }
}

/// The memory of one instance.
#[derive(Debug)]
struct Pooled {
    /// Taken when it is dropped.
    region: Option<Region>,
    pool: Arc<Pool>,
    ty: MemoryType,
    /// Where compiled code looks for base and length. In the instance, which outlives its memory.
    definition: NonNull<VMMemoryDefinition>,
}

// SAFETY: it is used by one thread at a time, with the instance it belongs to.
unsafe impl Send for Pooled {}
// SAFETY: through a shared reference nothing is changed.
unsafe impl Sync for Pooled {}

impl Pooled {
    /// # Safety
    ///
    /// `definition` must be valid for as long as the memory is.
    unsafe fn new(
        pool: Arc<Pool>,
        ty: MemoryType,
        definition: NonNull<VMMemoryDefinition>,
    ) -> Result<Self, MemoryError> {
        let region = pool.take(ty.minimum.bytes().0).map_err(|error| no_memory(&error))?;
        let memory = Self { region: Some(region), pool, ty, definition };
        memory.define();
        Ok(memory)
    }

    /// Tells compiled code where the memory is, and how long.
    fn define(&self) {
        let Some(region) = &self.region else { return };
        let definition = VMMemoryDefinition {
            base: region.base.as_ptr().cast(),
            current_length: region.usable_bytes,
        };
        // SAFETY: `new`'s caller keeps it valid.
        unsafe { self.definition.write(definition) };
    }

    fn bytes(&self) -> usize {
        self.region.as_ref().map_or(0, |region| region.usable_bytes)
    }
}

impl LinearMemory for Pooled {
    fn ty(&self) -> MemoryType {
        MemoryType { minimum: self.size(), ..self.ty }
    }

    fn size(&self) -> Pages {
        Pages(u32::try_from(self.bytes() / wasmer::WASM_PAGE_SIZE).unwrap_or(u32::MAX))
    }

    fn style(&self) -> MemoryStyle {
        MemoryStyle::Static
    }

    fn grow(&mut self, delta: Pages) -> Result<Pages, MemoryError> {
        let current = self.size();
        let could_not = MemoryError::CouldNotGrow { current, attempted_delta: delta };
        let Some(pages) = current.checked_add(delta) else { return Err(could_not) };
        if pages > self.ty.maximum.unwrap_or(Pages::max_value()) {
            return Err(could_not);
        }
        let Some(region) = &mut self.region else { return Err(could_not) };
        if let Err(error) = region.resize(pages.bytes().0) {
            stop_without_memory(&error);
        }
        self.define();
        Ok(current)
    }

    /// Makes it what it was at first, but for the data: so many pages, all zero.
    fn reset(&mut self) -> Result<(), MemoryError> {
        let bytes = self.ty.minimum.bytes().0;
        if let Some(region) = &mut self.region {
            let cleared = region.clear().and_then(|()| region.resize(bytes));
            cleared.map_err(|error| no_memory(&error))?;
        }
        self.define();
        Ok(())
    }

    fn vmmemory(&self) -> NonNull<VMMemoryDefinition> {
        self.definition
    }

    fn try_clone(&self) -> Result<Box<dyn LinearMemory + Send + Sync + 'static>, MemoryError> {
        Err(MemoryError::MemoryNotShared)
    }

    fn copy(&self) -> Result<Box<dyn LinearMemory + Send + Sync + 'static>, MemoryError> {
        Err(MemoryError::MemoryNotShared)
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        if let Some(region) = self.region.take() {
            self.pool.put_back(region);
        }
    }
}

/// Ends the process: what a contract asked for and did not get must not become a result.
pub(super) fn stop_without_memory(error: &dyn std::fmt::Display) -> ! {
    eprintln!(
        "quorate: the operating system gives a contract no memory ({error}). The node stops, since \
         going on would split it from the others. Give it more memory and start it again."
    );
    std::process::abort();
}

fn no_memory(error: &rustix::io::Errno) -> MemoryError {
    MemoryError::Region(format!("the operating system gives no memory: {error}"))
}

/// wasmer's own choices, but for the native stack's size and the memory.
pub(crate) struct ContractTunables {
    base: BaseTunables,
    config: VMConfig,
    memories: Arc<Pool>,
}

impl ContractTunables {
    pub(crate) fn new(stack_bytes: usize, memories: Arc<Pool>) -> Self {
        let config = VMConfig { wasm_stack_size: Some(stack_bytes) };
        Self { base: BaseTunables::new(), config, memories }
    }
}

impl Tunables for ContractTunables {
    fn memory_style(&self, _memory: &MemoryType) -> MemoryStyle {
        MemoryStyle::Static
    }

    fn table_style(&self, table: &TableType) -> TableStyle {
        self.base.table_style(table)
    }

    fn create_host_memory(
        &self,
        ty: &MemoryType,
        style: &MemoryStyle,
    ) -> Result<VMMemory, MemoryError> {
        self.base.create_host_memory(ty, style)
    }

    unsafe fn create_vm_memory(
        &self,
        ty: &MemoryType,
        _style: &MemoryStyle,
        definition: NonNull<VMMemoryDefinition>,
    ) -> Result<VMMemory, MemoryError> {
        // SAFETY: the caller's promise about `definition` is the one asked for.
        let memory = unsafe { Pooled::new(Arc::clone(&self.memories), *ty, definition) }?;
        Ok(VMMemory(Box::new(memory)))
    }

    fn create_host_table(&self, ty: &TableType, style: &TableStyle) -> Result<VMTable, String> {
        self.base.create_host_table(ty, style)
    }

    unsafe fn create_vm_table(
        &self,
        ty: &TableType,
        style: &TableStyle,
        definition: NonNull<VMTableDefinition>,
    ) -> Result<VMTable, String> {
        // SAFETY: the caller's promise about `definition` is the one asked for.
        unsafe { self.base.create_vm_table(ty, style, definition) }
    }

    fn vmconfig(&self) -> &VMConfig {
        &self.config
    }
}
