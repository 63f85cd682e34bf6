//! What a child gives up before it touches the first hostile byte.
//!
//! After [`confine`] the process can read and write the pipes it has, use memory and time up to its
//! limits, and end. It can open no file, start no process or thread, make no socket, and signal nobody
//! but itself: every system call that is not on the list fails with EPERM.

use crate::allowance::Cpu;
use crate::fault::{Fault, Result};
use rustix::process::{Resource, Rlimit, setrlimit};

/// Gives up every right that a media task does not need, for good. `memory` is in bytes of address
/// space.
pub fn confine(memory: u64, cpu: Cpu) -> Result<()> {
    give_way();
    // At the first limit of processor time comes SIGXCPU, which says what happened, at the second
    // SIGKILL, which does not.
    let limits = [
        (Resource::As, memory, memory),
        (Resource::Cpu, cpu.soft, cpu.hard),
        (Resource::Core, 0, 0),
        (Resource::Fsize, 0, 0),
        (Resource::Nofile, 3, 3),
    ];
    for (resource, current, maximum) in limits {
        let limit = Rlimit { current: Some(current), maximum: Some(maximum) };
        // A limit that is already lower stays: raising it is refused, and not what we want.
        if let Err(error) = setrlimit(resource, limit)
            && error != rustix::io::Errno::PERM
        {
            return Err(Fault::internal(format!("cannot limit a media task: {error}")));
        }
    }
    system_calls()
}

/// Where memory runs out, this process is the one to end, not the service that started it.
#[cfg(target_os = "linux")]
fn give_way() {
    // Where /proc is not there or not to be written to, the kernel chooses by size, which is not wrong
    // either: no reason to refuse the work.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
}

#[cfg(not(target_os = "linux"))]
fn give_way() {}

#[cfg(target_os = "linux")]
fn refused(error: impl std::fmt::Display) -> Fault {
    Fault::internal(format!("this system does not let a media task be confined: {error}"))
}

/// The system calls that are allowed, each with the arguments it may have: no rule means any.
#[cfg(target_os = "linux")]
fn allowed() -> Result<std::collections::BTreeMap<i64, Vec<seccompiler::SeccompRule>>> {
    use seccompiler::{SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompRule};

    // Memory, the pipes, time, signals to itself, and the end. What glibc's and Rust's runtimes call in
    // a process of one thread; anything else is refused, not fatal, so that a newer libc that tries a
    // newer call first falls back.
    let free = [
        libc::SYS_brk,
        libc::SYS_clock_getres,
        libc::SYS_clock_gettime,
        libc::SYS_clock_nanosleep,
        libc::SYS_close,
        libc::SYS_exit,
        libc::SYS_exit_group,
        libc::SYS_fstat,
        libc::SYS_futex,
        libc::SYS_getpid,
        libc::SYS_getppid,
        libc::SYS_getrandom,
        libc::SYS_gettid,
        libc::SYS_gettimeofday,
        libc::SYS_lseek,
        libc::SYS_madvise,
        libc::SYS_mmap,
        libc::SYS_mprotect,
        libc::SYS_mremap,
        libc::SYS_munmap,
        libc::SYS_nanosleep,
        libc::SYS_read,
        libc::SYS_restart_syscall,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sched_getaffinity,
        libc::SYS_sched_yield,
        libc::SYS_sigaltstack,
        libc::SYS_write,
        libc::SYS_writev,
    ];
    // How a process aborts; with another's number it would signal any process of the same user.
    let own = u64::from(std::process::id());
    let to_itself = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, own)
        .and_then(|itself| SeccompRule::new(vec![itself]))
        .map_err(refused)?;
    let mut allowed: std::collections::BTreeMap<_, _> =
        free.into_iter().map(|call| (call, Vec::new())).collect();
    allowed.insert(libc::SYS_tgkill, vec![to_itself]);
    Ok(allowed)
}

#[cfg(target_os = "linux")]
fn system_calls() -> Result<()> {
    use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};

    let architecture = std::env::consts::ARCH.try_into().map_err(refused)?;
    let filter = SeccompFilter::new(
        allowed()?,
        SeccompAction::Errno(rustix::io::Errno::PERM.raw_os_error().unsigned_abs()),
        SeccompAction::Allow,
        architecture,
    )
    .map_err(refused)?;
    let program: BpfProgram = filter.try_into().map_err(refused)?;
    apply_filter(&program).map_err(refused)
}

/// Elsewhere the limits above are all there is: Hashreel's servers are Linux, a laptop need not be.
#[cfg(not(target_os = "linux"))]
fn system_calls() -> Result<()> {
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::io::ErrorKind::PermissionDenied;

    #[test]
    fn signals_go_to_the_process_itself_alone() {
        let allowed = allowed().unwrap();
        assert!(!allowed[&libc::SYS_tgkill].is_empty());
        for call in [libc::SYS_kill, libc::SYS_tkill, libc::SYS_rt_tgsigqueueinfo] {
            assert!(!allowed.contains_key(&call));
        }
    }

    #[test]
    fn a_confined_thread_reaches_nothing() {
        // Filters hold for the thread that asks for them, so the test's own goes on as it was.
        let confined = std::thread::spawn(|| {
            system_calls().unwrap();
            let denied = |error: std::io::Error| error.kind() == PermissionDenied;
            assert!(std::fs::File::open("/etc/hostname").is_err_and(denied));
            assert!(std::fs::write("/tmp/never", b"").is_err_and(denied));
            assert!(std::fs::read_dir("/").is_err());
            assert!(std::net::TcpStream::connect("127.0.0.1:9").is_err_and(denied));
            assert!(std::os::unix::net::UnixStream::connect("/run/x").is_err_and(denied));
            assert!(std::process::Command::new("/bin/true").spawn().is_err());
            assert!(std::thread::Builder::new().spawn(|| ()).is_err());
            // What a task needs still works.
            assert_eq!(
                vec![1u8; 64 << 20].iter().map(|&one| u32::from(one)).sum::<u32>(),
                64 << 20
            );
            assert!(std::time::Instant::now().elapsed().as_secs() < 60);
        });
        confined.join().unwrap();
        assert!(std::fs::File::open("/proc/self/status").is_ok());
    }
}
