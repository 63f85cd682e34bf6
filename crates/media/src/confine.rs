//! What a child gives up before it touches the first hostile byte.
//!
//! After [`confine`] the process can read and write the pipes it has, use memory and time up to its
//! limits, and end. It can open no file, start no process or thread, make no socket, and signal nobody
//! but itself: every system call that is not on the list fails with EPERM.

use crate::fault::{Fault, Result};
use rustix::process::{Resource, Rlimit, setrlimit};

/// Gives up every right that a media task does not need, for good. `memory` is in bytes of address
/// space. At `cpu_seconds` of processor time the kernel ends the process.
pub fn confine(memory: u64, cpu_seconds: u64) -> Result<()> {
    // At the first limit of processor time comes SIGXCPU, which says what happened, at the second
    // SIGKILL, which does not.
    let limits = [
        (Resource::As, memory, memory),
        (Resource::Cpu, cpu_seconds, cpu_seconds.saturating_add(5)),
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

#[cfg(target_os = "linux")]
fn system_calls() -> Result<()> {
    use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};

    // Memory, the pipes, time, signals to itself, and the end. What glibc's and Rust's runtimes call in
    // a process of one thread; anything else is refused, not fatal, so that a newer libc that tries a
    // newer call first falls back.
    let allowed = [
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
        libc::SYS_tgkill,
        libc::SYS_write,
        libc::SYS_writev,
    ];
    let refused = |error: &dyn std::fmt::Display| {
        Fault::internal(format!("this system does not let a media task be confined: {error}"))
    };
    let architecture = std::env::consts::ARCH.try_into().map_err(|error| refused(&error))?;
    let filter = SeccompFilter::new(
        allowed.into_iter().map(|call| (call, Vec::new())).collect(),
        SeccompAction::Errno(rustix::io::Errno::PERM.raw_os_error().unsigned_abs()),
        SeccompAction::Allow,
        architecture,
    )
    .map_err(|error| refused(&error))?;
    let program: BpfProgram = filter.try_into().map_err(|error| refused(&error))?;
    apply_filter(&program).map_err(|error| refused(&error))
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
