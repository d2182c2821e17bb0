//! Bounded places for work that must not run on the threads that serve sockets.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task;

use crate::error::ApiError;

/// A few threads and a bounded queue before them. Full means refused at once: a client that learns
/// now that the node is busy is better off than one that learns it after its own timeout.
#[derive(Debug)]
pub(crate) struct Pool {
    threads: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

impl Pool {
    /// `places` counts both running and waiting work.
    pub fn new(threads: usize, places: usize) -> Self {
        Self {
            threads: Arc::new(Semaphore::new(threads)),
            places: Arc::new(Semaphore::new(places)),
        }
    }

    /// Runs `work` on one of the threads. Its permits go with it, so that work whose client went
    /// away still counts until it ends.
    pub async fn run<T, W>(&self, work: W) -> Result<T, ApiError>
    where
        T: Send + 'static,
        W: FnOnce() -> T + Send + 'static,
    {
        let place = Arc::clone(&self.places);
        let place = place.try_acquire_owned().map_err(|_| ApiError::overloaded())?;
        let thread = Arc::clone(&self.threads);
        let thread = thread.acquire_owned().await.map_err(|closed| ApiError::internal(&closed))?;
        let task = task::spawn_blocking(move || {
            let permits = (place, thread);
            let answer = work();
            drop(permits);
            answer
        });
        task.await.map_err(|panicked| ApiError::internal(&panicked))
    }
}
