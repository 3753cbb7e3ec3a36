//! Blocks of a table worked on side by side, with the results in the order of the table.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use torso_data::{Block, Stream};

use crate::error::CliError;

/// Whether more results are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    Continue,
    Stop,
}

/// Calls `work` with every block on `threads` threads, and `take` with each result, one after the
/// other in the order of the blocks. The first error, in that order, ends it. Each thread holds one
/// block, so the memory is bounded.
pub(crate) fn in_order<T>(
    stream: Stream,
    threads: usize,
    work: impl Fn(&Block) -> Result<T, CliError> + Sync,
    take: impl FnMut(T) -> Result<Flow, CliError> + Send,
) -> Result<(), CliError> {
    let source = Mutex::new(Source { stream, next: 0, is_done: false });
    let sink = Sink {
        state: Mutex::new(State { turn: 0, is_over: false, error: None, take }),
        changed: Condvar::new(),
    };
    let worker = || {
        let _guard = EndOnPanic(&sink);
        // A function, so that the lock is not held while the block is worked on.
        let next = || lock(&source).next_block();
        while let Some((number, block)) = next() {
            let result = block.and_then(|block| work(&block));
            if sink.put(number, result) == Flow::Stop {
                break;
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(worker);
        }
    });
    let state = sink.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    state.error.map_or(Ok(()), Err)
}

struct Source {
    stream: Stream,
    next: u64,
    is_done: bool,
}

impl Source {
    /// The next block with its number.
    fn next_block(&mut self) -> Option<(u64, Result<Block, CliError>)> {
        if self.is_done {
            return None;
        }
        let block = self.stream.next_block().map_err(CliError::from).transpose();
        self.is_done = !matches!(block, Some(Ok(_)));
        let number = self.next;
        self.next += 1;
        Some((number, block?))
    }
}

struct Sink<F> {
    state: Mutex<State<F>>,
    changed: Condvar,
}

struct State<F> {
    /// The number of the block whose result is taken next.
    turn: u64,
    is_over: bool,
    error: Option<CliError>,
    take: F,
}

impl<F> Sink<F> {
    /// Waits for the turn of a block and hands its result over.
    fn put<T>(&self, number: u64, result: Result<T, CliError>) -> Flow
    where
        F: FnMut(T) -> Result<Flow, CliError>,
    {
        let waits = |state: &mut State<F>| !state.is_over && state.turn != number;
        let mut state = self
            .changed
            .wait_while(lock(&self.state), waits)
            .unwrap_or_else(PoisonError::into_inner);
        if !state.is_over {
            match result.and_then(&mut state.take) {
                Ok(flow) => state.is_over = flow == Flow::Stop,
                Err(error) => {
                    state.is_over = true;
                    state.error = Some(error);
                }
            }
            state.turn += 1;
            self.changed.notify_all();
        }
        if state.is_over { Flow::Stop } else { Flow::Continue }
    }
}

/// Lets the other threads end when one panics, so that the panic is told.
struct EndOnPanic<'a, F>(&'a Sink<F>);

impl<F> Drop for EndOnPanic<'_, F> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            lock(&self.0.state).is_over = true;
            self.0.changed.notify_all();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
