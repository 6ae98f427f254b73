// The stream of snapshots. It says when it is lost, and tries again until it is back.

import { whoAmI } from "./api.js";

/** Milliseconds without a snapshot after which the stream is opened anew. */
const QUIET = 60_000;
/** Milliseconds between two attempts. */
const AGAIN = 3_000;
/** Milliseconds that the runner may take to answer before the connection counts as lost. */
const PATIENCE = 5_000;

/**
 * Calls `snapshot(value)` for each, `state("live" | "lost")` on change, and `refused(error)` when the session has ended. Returns
 * what ends it. A hidden tab lets go of its connection: a browser has only six for one host.
 */
export function stream({ snapshot, state, refused }) {
  let source = null;
  let timer = null;
  let stopped = false;
  /** Whether a snapshot came over this connection. */
  let fresh = false;

  const close = () => {
    source?.close();
    source = null;
    clearTimeout(timer);
  };

  // The runner ends each stream after a while: that is no loss if the next one begins at once.
  const broken = async () => {
    const again = fresh;
    close();
    const late = setTimeout(() => state("lost"), again ? PATIENCE : 0);
    try {
      await whoAmI();
      if (again && !stopped && !document.hidden) return open();
    } catch (fault) {
      if (!stopped && (fault.status === 401 || fault.status === 403)) return refused(fault);
    } finally {
      clearTimeout(late);
    }
    if (stopped || document.hidden) return;
    state("lost");
    timer = setTimeout(open, AGAIN);
  };

  function open() {
    close();
    fresh = false;
    source = new EventSource("api/v1/stream");
    timer = setTimeout(broken, PATIENCE);
    source.addEventListener("snapshot", (event) => {
      fresh = true;
      state("live");
      snapshot(JSON.parse(event.data));
      // A connection that died without a word looks like one on which nothing changes.
      clearTimeout(timer);
      timer = setTimeout(open, QUIET);
    });
    source.addEventListener("error", broken);
  }

  const shown = () => (document.hidden ? close() : open());
  document.addEventListener("visibilitychange", shown);
  open();
  return () => {
    stopped = true;
    document.removeEventListener("visibilitychange", shown);
    close();
  };
}
