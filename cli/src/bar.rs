//! The bar of an upload or a download: how far, how fast, how long it still takes.
//!
//! The rate is that of what moves now: it begins anew where a transfer goes on, and is not shown before a
//! second has passed, for what goes into buffers goes in at once.

use indicatif::{HumanBytes, HumanDuration, ProgressBar, ProgressState, ProgressStyle};
use std::{
    collections::VecDeque,
    fmt::Write,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How far the rate looks back.
const WINDOW: Duration = Duration::from_secs(10);
/// How much must have passed to tell a rate from.
const ENOUGH: Duration = Duration::from_secs(1);
/// Between two samples; so there are [`WINDOW`] / [`APART`] of them at most.
const APART: Duration = Duration::from_millis(250);

/// A bar, and the pace of what it shows.
#[derive(Debug, Clone)]
pub struct Transfer {
    /// The bar itself.
    pub bar: ProgressBar,
    pace: Arc<Mutex<Pace>>,
}

impl Transfer {
    /// Of `size` bytes that are called `name`. Shown once it is drawn or added to others.
    pub fn new(name: &str, size: u64) -> Self {
        let pace = Arc::new(Mutex::new(Pace::default()));
        let known = Arc::clone(&pace);
        let template = "{prefix} {bar:30} {percent:>3} %  {bytes}/{total_bytes}  {pace}  {msg}";
        let style =
            style(template).with_key("pace", move |state: &ProgressState, out: &mut dyn Write| {
                let mut pace = known.lock().unwrap_or_else(PoisonError::into_inner);
                let rate = pace.rate(state.pos(), Instant::now());
                // A bar that cannot be written has nobody to be told of it.
                let _ = write!(out, "{}", rate.map_or_else(String::new, |rate| words(rate, state)));
            });
        let bar = ProgressBar::new(size).with_style(style);
        bar.set_prefix(name.to_owned());
        Self { bar, pace }
    }

    /// It stands at `position`, and goes on from there.
    pub fn stands_at(&self, position: u64) {
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        pace.begin(position, Instant::now());
        // The bar draws itself, which asks for the pace.
        drop(pace);
        self.bar.set_position(position);
    }
}

/// What is said where a transfer of `size` bytes goes on.
pub fn goes_on(name: &str, position: u64, size: u64) -> String {
    format!("{name} goes on at {} of {}", HumanBytes(position), HumanBytes(size))
}

/// A bar's style.
pub fn style(template: &str) -> ProgressStyle {
    // A template that does not parse would be a defect that the first run shows.
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("━╸─")
}

#[expect(clippy::cast_precision_loss, reason = "a rate is shown with three digits")]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate is positive")]
fn words(rate: f64, state: &ProgressState) -> String {
    let left = state.len().unwrap_or_default().saturating_sub(state.pos());
    let eta = Duration::try_from_secs_f64(left as f64 / rate).ok();
    let eta = eta.map(|eta| format!("  {:#} left", HumanDuration(eta))).unwrap_or_default();
    format!("{}/s{eta}", HumanBytes(rate as u64))
}

/// Where a transfer stood when, of late.
#[derive(Debug, Default)]
struct Pace {
    samples: VecDeque<(Instant, u64)>,
}

impl Pace {
    fn begin(&mut self, position: u64, now: Instant) {
        self.samples = VecDeque::from([(now, position)]);
    }

    /// Bytes a second until `now`, at `position`, once there is enough to tell.
    #[expect(clippy::cast_precision_loss, reason = "a rate is shown with three digits")]
    fn rate(&mut self, position: u64, now: Instant) -> Option<f64> {
        let apart = |&(at, _): &(Instant, u64)| now.saturating_duration_since(at);
        if self.samples.back().is_none_or(|last| apart(last) >= APART) {
            self.samples.push_back((now, position));
        }
        while self.samples.len() > 2
            && self.samples.get(1).is_some_and(|next| apart(next) >= WINDOW)
        {
            self.samples.pop_front();
        }
        let first = self.samples.front()?;
        let (passed, moved) = (apart(first), position.checked_sub(first.1)?);
        (passed >= ENOUGH && moved > 0).then(|| moved as f64 / passed.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_of_what_moves_now() {
        let (start, mut pace) = (Instant::now(), Pace::default());
        let at = |millis| start + Duration::from_millis(millis);
        // A gibibyte that an earlier run has sent, and then one mebibyte a second.
        let gone = 1 << 30;
        pace.begin(gone, at(0));
        assert_eq!(pace.rate(gone + (4 << 20), at(100)), None, "buffers take much at once");
        assert_eq!(pace.rate(gone + (1 << 20), at(1000)), Some(f64::from(1 << 20)));
        for second in 2..60 {
            assert_eq!(
                pace.rate(gone + (second << 20), at(second * 1000)),
                Some(f64::from(1 << 20))
            );
        }
        assert!(pace.samples.len() <= 12, "{}", pace.samples.len());
        // A break, and on.
        pace.begin(2 * gone, at(60_000));
        assert_eq!(pace.rate(2 * gone, at(62_000)), None);
        assert_eq!(pace.rate(2 * gone + 3000, at(63_000)), Some(1000.0));
        // Behind its beginning there is no rate.
        assert_eq!(pace.rate(gone, at(64_000)), None);
    }

    #[test]
    fn a_rate_forgets_what_is_long_past() {
        let (start, mut pace) = (Instant::now(), Pace::default());
        pace.begin(0, start);
        for second in 1..=40_u64 {
            // Fast for twenty seconds, slow for twenty.
            let position = second.min(20) * 1_000_000 + second.saturating_sub(20) * 1000;
            pace.rate(position, start + Duration::from_secs(second));
        }
        assert_eq!(pace.rate(20_020_000, start + Duration::from_secs(40)), Some(1000.0));
    }

    #[test]
    fn what_goes_on_says_where() {
        assert_eq!(goes_on("film", 3 << 29, 4 << 30), "film goes on at 1.50 GiB of 4.00 GiB");
    }
}
