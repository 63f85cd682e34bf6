// What a key does in the player. Pure: the page carries the command out.

export type Command =
  | { do: "toggle" }
  | { do: "seekBy"; seconds: number }
  | { do: "seekTo"; share: number }
  | { do: "volumeBy"; amount: number }
  | { do: "mute" }
  | { do: "fullscreen" }
  | { do: "captions" }
  | { do: "pip" }
  | { do: "speedBy"; steps: number }
  | { do: "help" };

/** The command of a key without modifiers, null for keys that mean nothing here. */
export function command(key: string): Command | null {
  if (/^[0-9]$/.test(key)) return { do: "seekTo", share: Number(key) / 10 };
  switch (key.length === 1 ? key.toLowerCase() : key) {
    case " ":
    case "k":
      return { do: "toggle" };
    case "ArrowLeft":
      return { do: "seekBy", seconds: -5 };
    case "ArrowRight":
      return { do: "seekBy", seconds: 5 };
    case "j":
      return { do: "seekBy", seconds: -10 };
    case "l":
      return { do: "seekBy", seconds: 10 };
    case "ArrowUp":
      return { do: "volumeBy", amount: 0.1 };
    case "ArrowDown":
      return { do: "volumeBy", amount: -0.1 };
    case "Home":
      return { do: "seekTo", share: 0 };
    case "End":
      return { do: "seekTo", share: 1 };
    case "m":
      return { do: "mute" };
    case "f":
      return { do: "fullscreen" };
    case "c":
      return { do: "captions" };
    case "p":
      return { do: "pip" };
    case "<":
      return { do: "speedBy", steps: -1 };
    case ">":
      return { do: "speedBy", steps: 1 };
    case "?":
      return { do: "help" };
    default:
      return null;
  }
}

/** The keys as the help shows them. */
export const keyHelp: [string[], string][] = [
  [["Space", "K"], "Play or pause"],
  [["←", "→"], "5 seconds back or on"],
  [["J", "L"], "10 seconds back or on"],
  [["0", "…", "9"], "Jump to 0 % … 90 %"],
  [["↑", "↓"], "Volume"],
  [["M"], "Mute"],
  [["<", ">"], "Slower or faster"],
  [["C"], "Captions"],
  [["F"], "Full screen"],
  [["P"], "Picture in picture"],
  [["?"], "This help"],
];
