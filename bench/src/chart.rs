//! The plot of a report: one bar a subject to its median, a dot for every run, a figure at the end.
//!
//! Plain SVG that follows the reader's light or dark scheme; no scale is cut, bars begin at zero.

use std::fmt::Write as _;

use crate::report::{Better, Report, Series};

const WIDTH: f64 = 760.0;
const LABELS: f64 = 225.0;
const FIGURES: f64 = 90.0;
const TOP: f64 = 64.0;
const ROW: f64 = 38.0;
const BAR: f64 = 20.0;
const LINE: f64 = 18.0;

const STYLE: &str = "
  text { font: 14px system-ui, sans-serif; fill: #24292f }
  .title { font-size: 17px; font-weight: 600 }
  .quiet { font-size: 12px; fill: #57606a }
  .bar { fill: #b6c2cf } .ours { fill: #2f6feb }
  .run { fill: #24292f; fill-opacity: .65 } .axis { stroke: #8c959f }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .quiet { fill: #9da7b3 } .bar { fill: #48515c } .ours { fill: #4184e4 }
    .run { fill: #e6edf3 }
  }
";

/// Draws the report as an SVG document.
pub fn draw(report: &Report) -> String {
    let largest = report.series.iter().map(Series::max).fold(0.0, f64::max);
    let scale = (WIDTH - LABELS - FIGURES) / largest;
    let bottom = report.series.iter().fold(TOP, |y, _| y + ROW);
    let height = report.ratios.iter().fold(bottom + LINE, |y, _| y + LINE);
    let way = match report.better {
        Better::Higher => "longer is better",
        Better::Lower => "shorter is better",
    };

    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         width=\"{WIDTH}\" height=\"{height}\" role=\"img\">\n<style>{STYLE}</style>\n"
    );
    let title = format!("{}: {}", report.name, report.what);
    text(&mut svg, (8.0, 24.0), "title", &title);
    let subtitle = format!("{}, bar = median, dot = run, {way}", report.unit);
    text(&mut svg, (8.0, 44.0), "quiet", &subtitle);
    let mut y = TOP;
    for (index, series) in report.series.iter().enumerate() {
        let class = if index == 0 { "bar ours" } else { "bar" };
        bar(&mut svg, series, class, y, scale);
        y += ROW;
    }
    let _ = writeln!(
        svg,
        "<line class=\"axis\" x1=\"{LABELS}\" x2=\"{LABELS}\" y1=\"{}\" y2=\"{}\"/>",
        TOP - 4.0,
        bottom - 8.0
    );
    for ratio in &report.ratios {
        text(&mut svg, (8.0, y + LINE / 2.0), "quiet", &ratio.to_string());
        y += LINE;
    }
    svg.push_str("</svg>\n");
    svg
}

fn bar(svg: &mut String, series: &Series, class: &str, y: f64, scale: f64) {
    let middle = y + BAR / 2.0;
    text(svg, (8.0, middle + 5.0), "", &series.name);
    let length = series.median() * scale;
    let _ = writeln!(
        svg,
        "<rect class=\"{class}\" x=\"{LABELS}\" y=\"{y}\" width=\"{length:.1}\" height=\"{BAR}\" \
         rx=\"2\"/>"
    );
    for run in &series.runs {
        let x = LABELS + run * scale;
        let _ = writeln!(svg, "<circle class=\"run\" cx=\"{x:.1}\" cy=\"{middle}\" r=\"3\"/>");
    }
    let end = LABELS + series.max() * scale + 10.0;
    text(svg, (end, middle + 5.0), "", &figure(series.median()));
}

fn text(svg: &mut String, (x, y): (f64, f64), class: &str, content: &str) {
    let content = content.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(svg, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{content}</text>");
}

/// Three significant digits are all that a measurement here is worth.
fn figure(value: f64) -> String {
    if value >= 100.0 {
        format!("{value:.0}")
    } else if value >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}
