// local/lifetime: everything that was started is ended, in reverse order, however the run ends.
// in: what to do at the end; signals · out: one abort signal, one orderly end

export interface Lifetime {
  /** Aborts with the first signal from outside. */
  readonly signal: AbortSignal;
  readonly endedBy: () => NodeJS.Signals | null;
  /** Does this at the end, before what was added earlier. */
  atEnd(what: () => Promise<unknown>): void;
  end(): Promise<void>;
}

const ORPHAN_CHECK_MS = 1000;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Listens for Ctrl-C, SIGTERM and the terminal's end. A second signal does not interrupt the end; it is short. */
export const lifetime = (onSignal: (signal: NodeJS.Signals) => void): Lifetime => {
  const abort = new AbortController();
  const steps: (() => Promise<unknown>)[] = [];
  let by: NodeJS.Signals | null = null;
  const endBy = (signal: NodeJS.Signals) => {
    if (by !== null) return;
    by = signal;
    onSignal(signal);
    abort.abort();
  };
  const listeners = SIGNALS.map((signal) => {
    const listener = () => endBy(signal);
    process.on(signal, listener);
    return () => process.off(signal, listener);
  });
  // An npm that was killed tells nobody; without it there is no terminal either.
  const parent = process.ppid;
  const orphaned = setInterval(() => {
    if (process.env.npm_lifecycle_event !== undefined && process.ppid !== parent) endBy('SIGHUP');
  }, ORPHAN_CHECK_MS);
  orphaned.unref();
  let ending: Promise<void> | null = null;
  const run = async () => {
    for (let step = steps.pop(); step !== undefined; step = steps.pop()) {
      try {
        await step();
      } catch (error) {
        process.stderr.write(`while ending: ${error instanceof Error ? error.message : error}\n`);
      }
    }
    clearInterval(orphaned);
    for (const stop of listeners) stop();
  };
  return {
    signal: abort.signal,
    endedBy: () => by,
    atEnd: (what) => void steps.push(what),
    end: () => {
      ending ??= run();
      return ending;
    },
  };
};
