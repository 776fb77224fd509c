// local/progress: what the start says while it works. Everything goes to stderr; stdout is for the summary.
import { clearLine, cursorTo } from 'node:readline';

export interface Progress {
  /** A lasting line with its time. */
  step(text: string): void;
  /** The line that changes; on something else than a terminal it is printed now and then. */
  live(text: string): void;
  end(): void;
}

const QUIET_EVERY_MS = 10_000;

/** Writes to stderr; a reader that has gone away is no reason to fail. */
export const progressOn = (stream: NodeJS.WriteStream): Progress => {
  stream.on('error', () => {});
  let hasLive = false;
  let printedAt = Number.NEGATIVE_INFINITY;
  const clear = () => {
    if (!hasLive) return;
    clearLine(stream, 0);
    cursorTo(stream, 0);
    hasLive = false;
  };
  return {
    step: (text) => {
      clear();
      stream.write(`${new Date().toTimeString().slice(0, 8)}  ${text}\n`);
    },
    live: (text) => {
      if (stream.isTTY) {
        clear();
        stream.write(text.slice(0, Math.max((stream.columns ?? 120) - 1, 20)));
        hasLive = true;
      } else if (performance.now() - printedAt >= QUIET_EVERY_MS) {
        printedAt = performance.now();
        stream.write(`${new Date().toTimeString().slice(0, 8)}  ${text}\n`);
      }
    },
    end: () => {
      if (hasLive) stream.write('\n');
      hasLive = false;
    },
  };
};
