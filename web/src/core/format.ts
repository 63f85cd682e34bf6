// Sizes, rates, times and counts in words that people read. Pure.

const units = ["bytes", "kB", "MB", "GB", "TB", "PB"];

/** Bytes in decimal units, as file managers show them: `4.2 GB`. */
export function size(bytes: number): string {
  let value = Math.max(0, bytes);
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  if (unit === 0) return value === 1 ? "1 byte" : `${value} bytes`;
  return `${value.toFixed(value < 9.95 ? 1 : 0)} ${units[unit]}`;
}

/** Bytes a second: `12 MB/s`. */
export function rate(bytesPerSecond: number): string {
  return `${size(Math.round(bytesPerSecond))}/s`;
}

/** Bits a second, as networks and encoders count: `2.8 Mb/s`. */
export function bitrate(bitsPerSecond: number): string {
  if (bitsPerSecond < 999_500) return `${Math.round(bitsPerSecond / 1000)} kb/s`;
  const mega = bitsPerSecond / 1e6;
  return mega < 999.5 ? `${mega.toFixed(mega < 9.95 ? 1 : 0)} Mb/s` : `${(mega / 1000).toFixed(1)} Gb/s`;
}

/** A position in a video: `1:05`, `1:02:03`. */
export function clock(seconds: number): string {
  // A clip of 40 s may end a frame's rounding early: 39.999 is 40.
  const whole = Number.isFinite(seconds) ? Math.max(0, Math.floor(seconds + 0.01)) : 0;
  const two = (n: number) => String(n).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** A position spoken by a screen reader: `1 minute 5 seconds`. */
export function spokenTime(seconds: number): string {
  const whole = Number.isFinite(seconds) ? Math.max(0, Math.floor(seconds)) : 0;
  const parts = [
    [Math.floor(whole / 3600), "hour"],
    [Math.floor(whole / 60) % 60, "minute"],
    [whole % 60, "second"],
  ] as const;
  const said = parts.filter(([n]) => n > 0).map(([n, unit]) => count(n, unit));
  return said.length > 0 ? said.join(" ") : "0 seconds";
}

/** How long something will still take: `a few seconds left`, `3 min left`. Empty when nobody can know. */
export function timeLeft(seconds: number | null): string {
  if (seconds === null || !Number.isFinite(seconds)) return "";
  if (seconds < 10) return "a few seconds left";
  if (seconds < 60) return `${Math.round(seconds / 5) * 5} s left`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min left`;
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.round((seconds % 3600) / 60);
  return hours < 24 ? `${hours} h ${minutes} min left` : `${Math.round(hours / 24)} days left`;
}

/** A share from 0 to 1 in whole percent; 100 only when it is all done. */
export function percent(share: number): string {
  if (share >= 1) return "100 %";
  return `${Math.floor(Math.max(0, share) * 100)} %`;
}

/** When something happened, seen from `now` (milliseconds): `just now`, `5 min ago`, `12 Mar`, `12 Mar 2025`. */
export function ago(at: string, now: number): string {
  const then = Date.parse(at);
  if (Number.isNaN(then)) return "";
  const seconds = (now - then) / 1000;
  if (seconds < 60) return "just now";
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  if (seconds < 172_800) return "yesterday";
  const date = new Date(then);
  const thisYear = date.getFullYear() === new Date(now).getFullYear();
  return date.toLocaleDateString("en-GB", {
    day: "numeric",
    month: "short",
    ...(thisYear ? {} : { year: "numeric" }),
  });
}

/** `1 file`, `2 files`. */
export function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}

/** What a program says in passing, as a sentence that a page can show. */
export function sentence(text: string): string {
  const quoted = text.trim().replace(/`([^`]*)`/g, "“$1”");
  const upper = quoted.charAt(0).toUpperCase() + quoted.slice(1);
  return /[.!?]$/.test(upper) ? upper : `${upper}.`;
}
