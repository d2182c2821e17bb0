//! What RocksDB's own threads meet while nobody waits for them.
//!
//! A table that cannot be written for want of room is an error to no call: RocksDB tries again and again, and a
//! compaction that somebody asked for waits meanwhile, without an end. Here the first such error is kept, and whoever
//! waits is woken.
#![expect(unsafe_code, reason = "the Rust interface has no word for listeners")]

use std::ffi::{CStr, c_char, c_void};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use librocksdb_sys::{
    rocksdb_compactionjobinfo_t, rocksdb_eventlistener_create, rocksdb_externalfileingestioninfo_t,
    rocksdb_flushjobinfo_t, rocksdb_free, rocksdb_memtableinfo_t,
    rocksdb_options_add_eventlistener, rocksdb_status_ptr_get_error, rocksdb_status_ptr_t,
    rocksdb_subcompactionjobinfo_t, rocksdb_t, rocksdb_writestallinfo_t,
};
use rocksdb::{AsRawPtr, Options};

/// The first error of a database's threads, in RocksDB's words.
#[derive(Clone, Debug, Default)]
pub(crate) struct BackgroundError(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    error: Mutex<Option<String>>,
    changed: Condvar,
}

impl BackgroundError {
    /// Has the database that is opened with these options tell its errors.
    pub(crate) fn listen(&self, options: &mut Options) {
        let state = Arc::into_raw(Arc::clone(&self.0)).cast_mut().cast();
        // SAFETY: the options own the listener from now on, and the listener the state, which `release` takes back;
        // all callbacks are there, since RocksDB calls each without a look.
        unsafe {
            let listener = rocksdb_eventlistener_create(
                state,
                Some(release),
                Some(on_flush),
                Some(on_flush),
                Some(on_compaction),
                Some(on_compaction),
                Some(on_subcompaction),
                Some(on_subcompaction),
                Some(on_ingestion),
                Some(on_error),
                Some(on_stall),
                Some(on_memtable),
            );
            rocksdb_options_add_eventlistener(options.as_raw_ptr(), listener);
        }
    }

    pub(crate) fn first(&self) -> Option<String> {
        self.0.error().clone()
    }

    /// Waits for an error, or until this is over; whether there is an error.
    pub(crate) fn wait(&self, is_over: &AtomicBool) -> bool {
        let mut error = self.0.error();
        while error.is_none() && !is_over.load(Ordering::Relaxed) {
            error = self.0.changed.wait(error).unwrap_or_else(PoisonError::into_inner);
        }
        error.is_some()
    }

    /// Ends the waiting.
    pub(crate) fn stop_waiting(&self, is_over: &AtomicBool) {
        // Not between the waiter's look and its waiting.
        let _error = self.0.error();
        is_over.store(true, Ordering::Relaxed);
        self.0.changed.notify_all();
    }
}

impl Shared {
    fn error(&self) -> MutexGuard<'_, Option<String>> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

unsafe extern "C" fn release(state: *mut c_void) {
    // SAFETY: it came from `Arc::into_raw`, and the listener ends once.
    drop(unsafe { Arc::from_raw(state.cast_const().cast::<Shared>()) });
}

unsafe extern "C" fn on_error(state: *mut c_void, _: u32, status: *mut rocksdb_status_ptr_t) {
    let mut text: *mut c_char = ptr::null_mut();
    // SAFETY: the status lives as long as this call; the text is RocksDB's to allocate and ours to free.
    let error = unsafe {
        rocksdb_status_ptr_get_error(status, &raw mut text);
        if text.is_null() {
            return;
        }
        let error = CStr::from_ptr(text).to_string_lossy().into_owned();
        rocksdb_free(text.cast());
        error
    };
    // SAFETY: the listener holds a share of it.
    let shared = unsafe { &*state.cast_const().cast::<Shared>() };
    shared.error().get_or_insert(error);
    shared.changed.notify_all();
}

unsafe extern "C" fn on_flush(_: *mut c_void, _: *mut rocksdb_t, _: *const rocksdb_flushjobinfo_t) {
}

unsafe extern "C" fn on_compaction(
    _: *mut c_void,
    _: *mut rocksdb_t,
    _: *const rocksdb_compactionjobinfo_t,
) {
}

unsafe extern "C" fn on_subcompaction(_: *mut c_void, _: *const rocksdb_subcompactionjobinfo_t) {}

unsafe extern "C" fn on_ingestion(
    _: *mut c_void,
    _: *mut rocksdb_t,
    _: *const rocksdb_externalfileingestioninfo_t,
) {
}

unsafe extern "C" fn on_stall(_: *mut c_void, _: *const rocksdb_writestallinfo_t) {}

unsafe extern "C" fn on_memtable(_: *mut c_void, _: *const rocksdb_memtableinfo_t) {}
