//! Speed of the boundary search and of SHA-256 on one core:
//! `cargo run --release -p chunking --example chunk_speed`.

use chunking::{Chunker, Profile, StreamHasher};
use std::time::Instant;

fn main() {
    let mut seed = 1_u64;
    let bytes: Vec<u8> = std::iter::repeat_with(|| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 32).to_le_bytes()
    })
    .take(64 << 20)
    .flat_map(|[a, b, c, d, ..]| [a, b, c, d])
    .collect();
    report("boundary search", &bytes, || {
        let mut chunker = Chunker::new(Profile::default());
        let mut blocks = 0;
        // As a socket delivers them.
        for mut buffer in bytes.chunks(256 << 10) {
            while let Some(n) = chunker.next_boundary(buffer) {
                blocks += 1;
                buffer = &buffer[n..];
            }
        }
        format!("{blocks} blocks")
    });
    report("SHA-256", &bytes, || {
        let mut hasher = StreamHasher::new();
        hasher.update(&bytes);
        hasher.finish().to_string()
    });
}

/// Prints the best of five runs: the machine's other work only ever slows one down.
#[expect(clippy::print_stdout, reason = "an example's output")]
fn report(name: &str, bytes: &[u8], run: impl Fn() -> String) {
    let mut best = f64::MAX;
    let mut result = String::new();
    for _ in 0..5 {
        let start = Instant::now();
        result = run();
        best = best.min(start.elapsed().as_secs_f64());
    }
    println!("{name}: {:.2} GB/s ({result})", bytes.len() as f64 / 1e9 / best);
}
