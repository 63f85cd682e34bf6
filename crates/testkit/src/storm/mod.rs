//! A storm around the ports: calls that are slow, refused or throttled, answers that are lost, batches of
//! which a part happens, writes that land after their error, jobs that come twice or out of order.
//!
//! What befalls a call is drawn from the storm's seed, the call's name and how many of that name came
//! before it. So a seed that made something fail makes the same happen again, as far as the calls come in
//! the same order; which of them is whose is the scheduler's to say.
//!
//! A storm keeps what the ports promise: it does nothing that a back end on a bad day may not do. Its
//! errors are `Unavailable` and `Busy`, which every caller of a port must survive. [`faults`](crate::faults)
//! is for the one call that is to fail.

mod objects;
mod queue;
mod records;
mod weather;

pub use weather::Weather;

use crate::dice::Dice;
use ::objects::ObjectStore;
use ::queue::JobQueue;
use ::records::RecordStore;
use futures::future::BoxFuture;
use model::{Error, ErrorKind, Result};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{OwnedRwLockReadGuard, RwLock},
    task::JoinSet,
};

/// Calls of one name that fail one after the other at most. Whoever tries again a few times gets through:
/// what is tried is what becomes of a failure, not how long somebody has patience.
const IN_A_ROW: u32 = 3;

/// A storm over any number of stores and queues. Clones are one.
#[derive(Debug, Clone)]
pub struct Storm(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    seed: u64,
    weather: Weather,
    over: AtomicBool,
    /// Held for reading by calls that may still be made to land late.
    deciding: Arc<RwLock<()>>,
    state: Mutex<State>,
    /// What is to land yet.
    landing: Mutex<JoinSet<()>>,
}

#[derive(Debug, Default)]
struct State {
    calls: HashMap<Call, Calls>,
    /// How often what happened.
    tally: BTreeMap<&'static str, u64>,
    /// Names of objects whose put landed late, or is still to.
    late: BTreeSet<String>,
}

/// The name of a call: port and method.
type Call = (&'static str, &'static str);

/// The calls of one name.
#[derive(Debug, Default)]
struct Calls {
    count: u64,
    /// Failures since the last that went well.
    failed: u32,
}

/// What is around a store.
#[derive(Debug)]
struct Stormy<S: ?Sized> {
    storm: Storm,
    store: Arc<S>,
}

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blow {
    Refused,
    Throttled,
    Lost,
    Late,
    Partial,
}

/// What can befall a call that changes nothing.
const READ: &[Blow] = &[Blow::Refused, Blow::Throttled];
/// What can befall one that changes something, all of it or nothing.
const WRITE: &[Blow] = &[Blow::Refused, Blow::Throttled, Blow::Lost, Blow::Late];
/// What can befall one that changes many things, any part of them.
const BATCH: &[Blow] = &[Blow::Refused, Blow::Throttled, Blow::Lost, Blow::Late, Blow::Partial];

/// What befalls one call.
struct Fate {
    wait: Duration,
    blow: Option<Blow>,
    /// For all else that chance decides about the call.
    dice: Dice,
    /// Of a call that is to land late, until it is known that it will.
    deciding: Option<OwnedRwLockReadGuard<()>>,
}

impl Storm {
    /// The storm of `seed`, in `weather`.
    #[must_use]
    pub fn new(seed: u64, weather: Weather) -> Self {
        Self(Arc::new(Inner {
            seed,
            weather,
            over: AtomicBool::new(false),
            deciding: Arc::default(),
            state: Mutex::default(),
            landing: Mutex::default(),
        }))
    }

    /// `store` in this storm.
    #[must_use]
    pub fn objects(&self, store: Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore> {
        Arc::new(Stormy { storm: self.clone(), store })
    }

    /// `store` in this storm.
    #[must_use]
    pub fn records(&self, store: Arc<dyn RecordStore>) -> Arc<dyn RecordStore> {
        Arc::new(Stormy { storm: self.clone(), store })
    }

    /// `queue` in this storm.
    #[must_use]
    pub fn queue(&self, queue: Arc<dyn JobQueue>) -> Arc<dyn JobQueue> {
        Arc::new(queue::StormyQueue::new(self.clone(), queue))
    }

    /// Ends the storm: from now on every call goes well, and when this returns nothing is to land any
    /// more.
    pub async fn calm(&self) {
        self.0.over.store(true, Ordering::SeqCst);
        // Whoever looked before that has its way; whoever looks from now on sees it.
        drop(self.0.deciding.write().await);
        loop {
            let mut landing = std::mem::take(&mut *lock(&self.0.landing));
            if landing.is_empty() {
                return;
            }
            while landing.join_next().await.is_some() {}
        }
    }

    /// How often what has happened so far, by name.
    #[must_use]
    pub fn tally(&self) -> BTreeMap<&'static str, u64> {
        lock(&self.0.state).tally.clone()
    }

    /// Names of the objects whose put landed after its error: whoever put them may have gone on without.
    #[must_use]
    pub fn late_objects(&self) -> BTreeSet<String> {
        lock(&self.0.state).late.clone()
    }

    fn weather(&self) -> &Weather {
        &self.0.weather
    }

    fn is_over(&self) -> bool {
        self.0.over.load(Ordering::SeqCst)
    }

    /// Waits as long as the next call of this name has to, and says what else befalls it.
    async fn meet(&self, call: Call, blows: &[Blow]) -> Fate {
        let deciding = Arc::clone(&self.0.deciding).read_owned().await;
        let mut fate = self.fate(call, blows);
        if !fate.wait.is_zero() {
            tokio::time::sleep(fate.wait).await;
        }
        // The storm may have ended meanwhile.
        fate.blow = fate.blow.filter(|_| !self.is_over());
        fate.deciding = (fate.blow == Some(Blow::Late)).then_some(deciding);
        fate
    }

    fn fate(&self, call: Call, blows: &[Blow]) -> Fate {
        let (port, method) = call;
        let mut state = lock(&self.0.state);
        let calls = state.calls.entry(call).or_default();
        calls.count += 1;
        let mut dice = Dice::of(self.0.seed, &format!("{port} {method}"), calls.count);
        if self.is_over() {
            return Fate { wait: Duration::ZERO, blow: None, dice, deciding: None };
        }
        let weather = self.weather();
        let slow = dice.happens(weather.slow);
        let wait = dice.moment(Duration::ZERO, weather.longest_wait);
        // Each is drawn, whatever the others are, and the first wins.
        let drawn: Vec<Blow> =
            blows.iter().copied().filter(|blow| dice.happens(weather.rate(*blow))).collect();
        let blow = drawn.first().copied().filter(|_| calls.failed < IN_A_ROW);
        calls.failed = if blow.is_some() { calls.failed + 1 } else { 0 };
        if slow {
            *state.tally.entry("slow").or_default() += 1;
        }
        if let Some(blow) = blow {
            *state.tally.entry(blow.name()).or_default() += 1;
        }
        Fate { wait: if slow { wait } else { Duration::ZERO }, blow, dice, deciding: None }
    }

    fn note(&self, what: &'static str) {
        *lock(&self.0.state).tally.entry(what).or_default() += 1;
    }

    /// A call that changes nothing.
    async fn read<T>(&self, call: Call, read: impl Future<Output = Result<T>>) -> Result<T> {
        match self.meet(call, READ).await.blow {
            None => read.await,
            Some(blow) => Err(blow.error(call)),
        }
    }

    /// A call that changes something as a whole.
    async fn write<T: Send + 'static>(
        &self,
        call: Call,
        write: BoxFuture<'static, Result<T>>,
    ) -> Result<T> {
        let mut fate = self.meet(call, WRITE).await;
        self.befall(call, &mut fate, write).await
    }

    /// Lets happen to `write` what its fate says; a partial one is its caller's to carry out.
    async fn befall<T: Send + 'static>(
        &self,
        call: Call,
        fate: &mut Fate,
        write: BoxFuture<'static, Result<T>>,
    ) -> Result<T> {
        match fate.blow {
            None => return write.await,
            // What the answer was nobody hears.
            Some(Blow::Lost) => drop(write.await),
            Some(Blow::Late) => {
                self.land(&mut fate.dice, write);
                fate.deciding = None;
            }
            Some(Blow::Refused | Blow::Throttled | Blow::Partial) => {}
        }
        Err(fate.blow.map_or_else(|| Blow::Lost.error(call), |blow| blow.error(call)))
    }

    /// Lets `write` happen later.
    fn land<T: Send + 'static>(&self, dice: &mut Dice, write: BoxFuture<'static, Result<T>>) {
        let after = dice.moment(Duration::ZERO, self.weather().latest);
        lock(&self.0.landing).spawn(async move {
            tokio::time::sleep(after).await;
            // Refused or not: nobody waits for it.
            drop(write.await);
        });
    }
}

impl Weather {
    fn rate(&self, blow: Blow) -> u32 {
        match blow {
            Blow::Refused => self.refused,
            Blow::Throttled => self.throttled,
            Blow::Lost => self.lost,
            Blow::Late => self.late,
            Blow::Partial => self.partial,
        }
    }
}

impl Blow {
    fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Throttled => "throttled",
            Self::Lost => "lost",
            Self::Late => "late",
            Self::Partial => "partial",
        }
    }

    fn error(self, (port, method): Call) -> Error {
        let kind = if self == Self::Throttled { ErrorKind::Busy } else { ErrorKind::Unavailable };
        Error::new(kind, format!("{port} {method}: {}, by the storm", self.name()))
    }
}

/// Some of `all`, at least one and not all where there are two.
fn part_of<T>(mut all: Vec<T>, dice: &mut Dice) -> Vec<T> {
    dice.shuffle(&mut all);
    let len = 1 + dice.below(all.len().saturating_sub(1));
    all.truncate(len.min(all.len()));
    all
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change is whole within one lock, whatever a panicking test did.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
