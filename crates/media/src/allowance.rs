//! What a child may take until it has made the next thing: processor time, which the kernel holds it to,
//! and being waited for.
//!
//! Each thing made brings the next share, so that a task of a thousand segments may take a thousand
//! shares, but none of its segments (nor a task that makes nothing) much more than what was left over.

use crate::host::Limits;
use model::{Error, ErrorKind, Result};
use rustix::process::{Pid, Resource, getrlimit};
use std::io;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// Limits of processor time, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cpu {
    /// At this the kernel ends a process with SIGXCPU. The parent raises it.
    pub soft: u64,
    /// What it can be raised to; at this there is no way to go on.
    pub hard: u64,
}

/// The allowance of one child.
pub struct Allowance {
    limits: Limits,
    cpu: Cpu,
    left: Duration,
}

impl Allowance {
    /// Of a child that makes `things` one after the other.
    pub fn new(limits: &Limits, things: usize) -> Self {
        let share = limits.cpu.as_secs().max(1);
        let all = share.saturating_mul(things.max(1) as u64);
        // Nobody may give more than he has.
        let hard = getrlimit(Resource::Cpu).maximum.unwrap_or(u64::MAX).min(all.saturating_add(5));
        // Without a way to raise it while the child runs it gets all at once.
        let soft = if cfg!(target_os = "linux") { share.min(hard) } else { all.min(hard) };
        Self { limits: limits.clone(), cpu: Cpu { soft, hard }, left: limits.standstill }
    }

    /// What the child may use of the processor now.
    pub fn cpu(&self) -> Cpu {
        self.cpu
    }

    /// Gives `child` another share: it made something.
    ///
    /// # Errors
    /// `Unavailable` where the kernel refuses.
    pub fn renew(&mut self, child: Option<Pid>) -> Result<()> {
        self.left = self.limits.standstill;
        let share = self.limits.cpu.as_secs().max(1);
        self.cpu.soft = self.cpu.soft.saturating_add(share).min(self.cpu.hard);
        child.map_or(Ok(()), |child| raise(child, self.cpu))
    }

    /// Waits for the child. Only this counts as waiting, not the parent's own reading and storing.
    ///
    /// # Errors
    /// `work`'s own within; without, `Unavailable` where the child's time is up.
    pub async fn wait<T>(
        &mut self,
        work: impl Future<Output = io::Result<T>>,
    ) -> Result<io::Result<T>> {
        let began = Instant::now();
        let limit = self.left.min(self.limits.silence);
        let done = timeout(limit, work).await;
        self.left = self.left.saturating_sub(began.elapsed());
        done.map_err(|_| {
            let message = if self.left.is_zero() {
                format!("a media task made nothing for {} s", self.limits.standstill.as_secs())
            } else {
                format!("a media task said nothing for {} s", self.limits.silence.as_secs())
            };
            Error::new(ErrorKind::Unavailable, format!("{message} and was ended"))
        })
    }
}

#[cfg(target_os = "linux")]
fn raise(child: Pid, Cpu { soft, hard }: Cpu) -> Result<()> {
    use rustix::process::{Rlimit, prlimit};

    let limit = Rlimit { current: Some(soft), maximum: Some(hard) };
    match prlimit(Some(child), Resource::Cpu, limit) {
        // How a child that is gone ended is found out where it is waited for.
        Ok(_) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(error) => {
            let message = "the system does not let a media task have more processor time";
            Err(Error::with_source(ErrorKind::Unavailable, message, io::Error::from(error)))
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn raise(_: Pid, _: Cpu) -> Result<()> {
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn each_thing_made_brings_a_share_up_to_that_of_all() {
        let limits = Limits { cpu: Duration::from_secs(100), ..Limits::default() };
        let mut allowance = Allowance::new(&limits, 2);
        assert_eq!(allowance.cpu(), Cpu { soft: 100, hard: 205 });
        allowance.renew(None).unwrap();
        assert_eq!(allowance.cpu(), Cpu { soft: 200, hard: 205 });
        allowance.renew(None).unwrap();
        assert_eq!(allowance.cpu(), Cpu { soft: 205, hard: 205 });
    }

    #[tokio::test]
    async fn patience_ends_however_often_the_child_speaks_without_making_anything() {
        let mut allowance = Allowance::new(&Limits::default(), 1);
        allowance.left = Duration::ZERO;
        let never = std::future::pending::<io::Result<()>>();
        assert_eq!(allowance.wait(never).await.unwrap_err().kind(), ErrorKind::Unavailable);
        allowance.renew(None).unwrap();
        assert!(allowance.wait(async { Ok(()) }).await.is_ok());
        assert!(allowance.left > Duration::ZERO);
    }
}
