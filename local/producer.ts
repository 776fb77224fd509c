// local/producer: the producing process as the parent sees it.
// in: the load from now on · out: progress, and at the end what was produced of each key
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Child, startChild } from './child.ts';
import { type Load, replayRate } from './load.ts';
import type { Replay } from './record-source.ts';
import type { ReplayMessage, ReplayTask } from './replay.ts';

export type Produced = Extract<ReplayMessage, { kind: 'stopped' }>;

export interface Producer {
  readonly child: Child<ReplayMessage>;
  taken(): number;
  /** Tells it to stop and resolves once everything that was due has been taken by the stream; null when it died before it could tell. */
  stop(): Promise<Produced | null>;
  /** The same, for a replay that ends by itself. */
  readonly finished: Promise<Produced | null>;
}

/** The rest of the load from now on, as the producing process reads it. */
export const replayOf = (load: Load): Replay => {
  const minutes = Array.from({ length: load.minutes.length - load.now }, (_, i) => load.now + i);
  return {
    rates: minutes.map((minute) => replayRate(load, minute)),
    keys: load.keys.map(({ key, share }) => ({
      key,
      share: typeof share === 'number' ? share : minutes.map((minute) => share[minute] ?? 0),
    })),
  };
};

/** Starts the producing process; the replay itself begins at `startAtMs`. */
export const startProducer = async (
  load: Load,
  task: Omit<ReplayTask, 'replayFile'>,
  env: Readonly<Record<string, string>>,
  directory: string,
): Promise<Producer> => {
  const replayFile = join(directory, 'replay.json');
  await writeFile(replayFile, JSON.stringify(replayOf(load)));
  const child = startChild<ReplayMessage>(
    './replay.ts',
    'producer',
    { ...task, replayFile } satisfies ReplayTask,
    env,
    join(directory, 'producer.log'),
  );
  let taken = 0;
  let produced: Produced | null = null;
  child.on((message) => {
    if (message.kind === 'progress') taken = message.taken;
    else {
      produced = message;
      taken = message.produced.reduce((sum, [, count]) => sum + count, 0);
    }
  });
  const finished = child.ended.then(() => produced);
  return {
    child,
    taken: () => taken,
    finished,
    stop: () => {
      child.signal('SIGTERM');
      return finished;
    },
  };
};
