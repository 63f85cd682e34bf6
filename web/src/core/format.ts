// Sizes, rates, times and counts in words that people read. Pure.

const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** Bytes in the units and the figures of the command line: `4.20 GiB`. */
export function size(bytes: number): string {
  let value = Math.max(0, bytes);
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value.toFixed(unit === 0 ? 0 : 2)} ${units[unit]}`;
}

/** Bytes a second: `12.35 MiB/s`. */
export function rate(bytesPerSecond: number): string {
  return `${size(Math.round(bytesPerSecond))}/s`;
}

/** Bits a second, as networks and encoders count: `2.8 Mbit/s`. */
export function bitrate(bitsPerSecond: number): string {
  if (bitsPerSecond < 999_500) return `${Math.round(bitsPerSecond / 1000)} kbit/s`;
  const mega = bitsPerSecond / 1e6;
  return mega < 999.5 ? `${mega.toFixed(mega < 9.95 ? 1 : 0)} Mbit/s` : `${(mega / 1000).toFixed(1)} Gbit/s`;
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

/** How much of a video there is, of what its file announces: `41 s of the announced 60 s`. */
export function partOf(seconds: number, announced: number): string {
  if (announced >= 120) return `${clock(seconds)} of the announced ${clock(announced)}`;
  // Where whole seconds would be the same number twice, tenths tell them apart.
  const digits = Math.round(seconds) === Math.round(announced) ? 1 : 0;
  return `${seconds.toFixed(digits)} s of the announced ${announced.toFixed(digits)} s`;
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

/** Facts in one line, a dot between them; the line breaks between facts and not within one. */
export function line(...facts: string[]): string {
  const whole = facts.filter((fact) => fact !== "").map((fact) => fact.replaceAll(" ", "\u00a0"));
  return whole.join(" · ");
}

/** What a program says in passing, as a sentence that a page can show. */
export function sentence(text: string): string {
  const quoted = text.trim().replace(/`([^`]*)`/g, "“$1”");
  const upper = quoted.charAt(0).toUpperCase() + quoted.slice(1);
  return /[.!?]$/.test(upper) ? upper : `${upper}.`;
}
