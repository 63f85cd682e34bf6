// Who may see the app. A session can end at any time, and then any number of requests are refused at once: the
// gate asks for a key once, and lets the same owner go on where they were.

import type { Session } from "./api";

/** What the app does at its gate. */
export interface GateActions {
  /** Leaves what is shown and asks for a key. */
  ask(): void;
  /** Shows the app, for the first time. */
  enter(session: Session): void;
  /** Goes on where it was: its owner signed in again. */
  goOn(session: Session): void;
  /** Somebody else signed in: nothing of what this page knows is theirs. */
  startAnew(): void;
}

export class Gate {
  private owner: string | null = null;
  private closed = false;

  constructor(private readonly actions: GateActions) {}

  /** Whether a key is asked for. */
  get isClosed(): boolean {
    return this.closed;
  }

  /** A request was refused for want of a session. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.actions.ask();
  }

  /** Somebody is signed in. */
  open(session: Session): void {
    const before = this.owner;
    this.owner = session.owner;
    this.closed = false;
    if (before === null) this.actions.enter(session);
    else if (before === session.owner) this.actions.goOn(session);
    else this.actions.startAnew();
  }
}
