//! All connections: how many there are, what each waits for, and which must end.

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::ServeOptions;

/// A connection without a request gives way to a new one after this time, if there is no other room.
const SILENT_GIVES_WAY: Duration = Duration::from_secs(1);

/// A connection whose client sends a body or takes an answer gives way to a new one after this time.
const SLOW_GIVES_WAY: Duration = Duration::from_secs(5);

/// How long connections stay open for one more request after the server was asked to stop.
const LAST_REQUEST: Duration = Duration::from_secs(2);

/// The connections of a server.
pub(crate) struct Connections {
    pub(crate) options: ServeOptions,
    slots: Arc<Semaphore>,
    /// The memory for large answers.
    pub(crate) answers: Arc<Semaphore>,
    draining: AtomicBool,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    next: u64,
    open: HashMap<u64, Arc<Connection>>,
    drained: Option<Instant>,
}

/// A connection, as those see it who watch over it.
pub(crate) struct Connection {
    phase: Mutex<Phase>,
    cut: Notify,
}

/// What a connection does.
#[derive(Clone, Copy)]
enum Phase {
    /// It waits for a request, of which something came or not, and which is due at some time.
    Waiting {
        since: Instant,
        heard: bool,
        due: Instant,
    },
    /// The client sends the body of a request, which has bounds of its own.
    Receiving { since: Instant },
    /// A request waits for its turn or is computed, which have bounds of their own.
    Handling,
    /// The client takes an answer, all of which is with the connection or not.
    Answering {
        since: Instant,
        whole: bool,
        due: Instant,
    },
}

/// A connection's place among all, which is free again when this is dropped.
pub(crate) struct Place {
    connections: Arc<Connections>,
    id: u64,
    connection: Arc<Connection>,
    _slot: OwnedSemaphorePermit,
}

impl Connections {
    pub(crate) fn new(options: ServeOptions, most: usize) -> Arc<Self> {
        Arc::new(Self {
            slots: Arc::new(Semaphore::new(most.clamp(1, Semaphore::MAX_PERMITS))),
            answers: Arc::new(Semaphore::new(options.max_held.min(Semaphore::MAX_PERMITS))),
            draining: AtomicBool::new(false),
            table: Mutex::default(),
            options,
        })
    }

    /// A place for a new connection, as soon as there is one.
    pub(crate) async fn place(self: &Arc<Self>) -> Place {
        loop {
            let free = self.slots.clone().acquire_owned();
            let wait = match self.slots.available_permits() {
                0 => self.make_room(),
                _ => SILENT_GIVES_WAY,
            };
            // The semaphore is never closed.
            if let Ok(Ok(slot)) = tokio::time::timeout(wait, free).await {
                return self.enter(slot);
            }
        }
    }

    /// A place for a new connection, if there is one.
    pub(crate) fn place_now(self: &Arc<Self>) -> Option<Place> {
        let slot = self.slots.clone().try_acquire_owned().ok()?;
        Some(self.enter(slot))
    }

    fn enter(self: &Arc<Self>, slot: OwnedSemaphorePermit) -> Place {
        let now = Instant::now();
        let connection = Arc::new(Connection {
            // Who connects has something to say.
            phase: Mutex::new(Phase::Waiting {
                since: now,
                heard: false,
                due: now + self.options.head_timeout,
            }),
            cut: Notify::new(),
        });
        let mut table = self.table();
        let id = table.next;
        table.next += 1;
        table.open.insert(id, connection.clone());
        Place {
            connections: self.clone(),
            id,
            connection,
            _slot: slot,
        }
    }

    /// Cuts the connection that has to give way first, if it has to by now; returns when to look again.
    pub(crate) fn make_room(&self) -> Duration {
        let mut table = self.table();
        let times = table.open.iter().filter_map(|(&id, connection)| {
            let time = connection.phase().gives_way()?;
            Some((time, id))
        });
        let Some((time, id)) = times.min() else {
            return SILENT_GIVES_WAY;
        };
        let left = time.saturating_duration_since(Instant::now());
        if !left.is_zero() {
            return left;
        }
        if let Some(connection) = table.open.remove(&id) {
            connection.cut.notify_one();
        }
        SILENT_GIVES_WAY
    }

    /// From now on answers end their connections, and those that stay silent are cut soon.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
        self.table().drained = Some(Instant::now());
    }

    /// Whether the server was asked to stop.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Cuts whatever is over time, for ever.
    pub(crate) fn watch(self: Arc<Self>) -> impl Future<Output = ()> + Send + 'static {
        let options = &self.options;
        let shortest = [
            options.head_timeout,
            options.idle_timeout,
            options.answer_timeout,
            options.grace,
        ];
        let shortest = shortest.into_iter().min().unwrap_or_default() / 8;
        let period = shortest.clamp(Duration::from_millis(1), Duration::from_millis(250));
        async move {
            loop {
                tokio::time::sleep(period).await;
                self.cut_late();
            }
        }
    }

    fn cut_late(&self) {
        let now = Instant::now();
        let table = self.table();
        let last = LAST_REQUEST.min(self.options.grace / 2);
        let drained = table.drained.is_some_and(|since| now >= since + last);
        for connection in table.open.values() {
            if connection.phase().must_end(now, drained) {
                connection.cut.notify_one();
            }
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Phase {
    fn must_end(&self, now: Instant, drained: bool) -> bool {
        match *self {
            Self::Waiting { heard, due, .. } => now >= due || (drained && !heard),
            Self::Receiving { .. } | Self::Handling => false,
            Self::Answering { due, .. } => now >= due,
        }
    }

    /// From when on it gives way to a new connection, if we wait for its client and not the client for us.
    fn gives_way(&self) -> Option<Instant> {
        match *self {
            Self::Waiting { since, .. } => Some(since + SILENT_GIVES_WAY),
            Self::Receiving { since } | Self::Answering { since, .. } => {
                Some(since + SLOW_GIVES_WAY)
            }
            Self::Handling => None,
        }
    }
}

impl Connection {
    fn phase(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Resolves when the connection must end.
    pub(crate) async fn cut(&self) {
        self.cut.notified().await;
    }

    /// Bytes came.
    pub(crate) fn heard(&self, options: &ServeOptions) {
        if let Phase::Waiting { heard, due, .. } = &mut *self.phase()
            && !*heard
        {
            *heard = true;
            *due = Instant::now() + options.head_timeout;
        }
    }

    /// The head of a request is there.
    pub(crate) fn asked(&self) {
        *self.phase() = Phase::Receiving {
            since: Instant::now(),
        };
    }

    /// The body of a request is there, or nobody wants it.
    pub(crate) fn received(&self) {
        let mut phase = self.phase();
        if let Phase::Receiving { .. } = *phase {
            *phase = Phase::Handling;
        }
    }

    /// The answer is known.
    pub(crate) fn answers(&self, options: &ServeOptions) {
        let now = Instant::now();
        *self.phase() = Phase::Answering {
            since: now,
            whole: false,
            due: now + options.answer_timeout,
        };
    }

    /// All of the answer stands in buffers.
    pub(crate) fn answered(&self) {
        if let Phase::Answering { whole, .. } = &mut *self.phase() {
            *whole = true;
        }
    }

    /// All buffers are empty.
    pub(crate) fn flushed(&self, options: &ServeOptions) {
        let mut phase = self.phase();
        if let Phase::Answering { whole: true, .. } = *phase {
            let now = Instant::now();
            *phase = Phase::Waiting {
                since: now,
                heard: false,
                due: now + options.idle_timeout,
            };
        }
    }
}

impl Place {
    pub(crate) fn connections(&self) -> &Arc<Connections> {
        &self.connections
    }

    pub(crate) fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.table().open.remove(&self.id);
    }
}
