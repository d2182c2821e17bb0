//! The memory of contracts: how wasmer is told to make it.

#![allow(unsafe_code)]

use std::ptr::NonNull;

use wasmer::sys::vm::{
    LinearMemory, VMConfig, VMMemory, VMMemoryDefinition, VMTable, VMTableDefinition,
};
use wasmer::sys::{BaseTunables, Tunables};
use wasmer::{MemoryError, MemoryStyle, MemoryType, Pages, TableStyle, TableType};

/// wasmer's own choices, but for the native stack's size, and for what happens when the operating
/// system has no memory to give: a contract would see that as -1 from `memory.grow`, on this
/// machine and not on others, so the process stops instead.
pub(crate) struct ContractTunables {
    base: BaseTunables,
    config: VMConfig,
}

impl ContractTunables {
    pub(crate) fn new(stack_bytes: usize) -> Self {
        let config = VMConfig { wasm_stack_size: Some(stack_bytes) };
        Self { base: BaseTunables::new(), config }
    }
}

impl Tunables for ContractTunables {
    fn memory_style(&self, memory: &MemoryType) -> MemoryStyle {
        self.base.memory_style(memory)
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
        style: &MemoryStyle,
        definition: NonNull<VMMemoryDefinition>,
    ) -> Result<VMMemory, MemoryError> {
        // SAFETY: the caller's promise about `definition` is the one asked for.
        let memory = unsafe { self.base.create_vm_memory(ty, style, definition) }?;
        Ok(VMMemory(Box::new(GrowsOrStops(memory))))
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

/// A memory whose growth fails only at its maximum.
#[derive(Debug)]
struct GrowsOrStops(VMMemory);

impl LinearMemory for GrowsOrStops {
    fn ty(&self) -> MemoryType {
        self.0.ty()
    }

    fn size(&self) -> Pages {
        self.0.size()
    }

    fn style(&self) -> MemoryStyle {
        self.0.style()
    }

    fn grow(&mut self, delta: Pages) -> Result<Pages, MemoryError> {
        match self.0.grow(delta) {
            Err(error) if !matches!(error, MemoryError::CouldNotGrow { .. }) => {
                eprintln!(
                    "quorate: the operating system gives a contract no memory ({error}). The node \
                     stops, since going on would split it from the others. Give it more memory \
                     and start it again."
                );
                std::process::abort();
            }
            result => result,
        }
    }

    fn vmmemory(&self) -> NonNull<VMMemoryDefinition> {
        self.0.vmmemory()
    }

    fn try_clone(&self) -> Result<Box<dyn LinearMemory + Send + Sync + 'static>, MemoryError> {
        Err(MemoryError::MemoryNotShared)
    }

    fn copy(&self) -> Result<Box<dyn LinearMemory + Send + Sync + 'static>, MemoryError> {
        LinearMemory::copy(&self.0)
    }
}
