//! What the worker needs of `media`, so that its own logic is tested without encoders.

use async_trait::async_trait;
use media::{
    Host, Limits, RangeSource, Sink,
    ladder::{self, Plan, Profile},
    task::{Done, Outcome, Task},
};
use model::{Error, ErrorKind, Result};

/// Looks at sources and works on them.
///
/// Errors of both: `Invalid`, `Unsupported` and `TooLarge` say that the source is at fault, with a
/// sentence for its owner; an error of the source's or the sink's own methods comes back as it was; all
/// others are worth another attempt. Dropping a call ends its work.
#[async_trait]
pub trait Media: Send + Sync + 'static {
    /// Names the settings that plans are made with: the same name, the same output.
    fn profile(&self) -> String;

    /// What is to be made of a source.
    async fn plan(&self, source: &dyn RangeSource) -> Result<Plan>;

    /// Does one task of a plan.
    async fn run(&self, task: Task, source: &dyn RangeSource, sink: &mut dyn Sink) -> Result<Done>;
}

/// Does it in child processes.
#[derive(Debug, Clone)]
pub struct Transcoder {
    host: Host,
    profile: Profile,
}

impl Transcoder {
    /// Works with the default profile in children that are this very program, whose `main` begins with
    /// [`crate::child`].
    ///
    /// # Errors
    /// `Unsupported` where libav lacks something that is used; `Internal` where the program does not
    /// know where it lies.
    pub fn of_this_program() -> Result<Self> {
        media::libraries::check()?;
        let program = std::env::current_exe().map_err(|error| {
            let message = "this program does not know where it lies; start it by its full path";
            Error::with_source(ErrorKind::Internal, message, error)
        })?;
        Ok(Self::new(Host::new(program, Limits::default()), Profile::default()))
    }

    /// Works with `profile` in children that `host` starts.
    #[must_use]
    pub fn new(host: Host, profile: Profile) -> Self {
        Self { host, profile }
    }
}

#[async_trait]
impl Media for Transcoder {
    fn profile(&self) -> String {
        self.profile.id()
    }

    async fn plan(&self, source: &dyn RangeSource) -> Result<Plan> {
        ladder::plan(&self.host.probe(source).await?, &self.profile)
    }

    async fn run(&self, task: Task, source: &dyn RangeSource, sink: &mut dyn Sink) -> Result<Done> {
        match self.host.run(task, source, sink).await? {
            Outcome::Done(done) => {
                tracing::debug!(decoded = done.decoded, damaged = done.damaged, "a task is done");
                Ok(done)
            }
            Outcome::Probed(_) => Err(Error::internal("a task ended as a probe does")),
        }
    }
}
