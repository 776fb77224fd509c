// bench/profile-cases: processors whose bottleneck is known, since it was put there.
// in: a case's name, chance · out: a processor, the load that it gets, and what is true of it
import { openSync, readSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Processor } from '../lib/consumer/processor.ts';
import { PoisonError, RecordFailure } from '../lib/errors.ts';
import type { ProfileLimit } from '../lib/model/profile-report.ts';

export const CASES = ['cpu', 'sink', 'hot-key', 'leak', 'errors'] as const;
export type CaseName = (typeof CASES)[number];

export interface ProfileCase {
  readonly processor: Processor;
  readonly limit: ProfileLimit;
  readonly lanes: number;
  readonly recordsPerSec: number;
  /** Share of the records of each named key; the others are even. */
  readonly keys: Readonly<Record<string, number>>;
  /** Records a second that the processor can do, by what was put into it. */
  readonly capacity: () => number;
}

/** Steps between two looks at the clock: some 25 microseconds. */
const STEPS = 5_000;

const waits = openSync(`/proc/self/task/${process.pid}/schedstat`, 'r');
const bytes = Buffer.alloc(128);
/** The time that this thread, which does not sleep meanwhile, has had a core. The kernel's CPU times would do, were they counted more often than by its ticks. */
const onCoreMs = (): number => {
  const [, waitedNs] = bytes.toString('latin1', 0, readSync(waits, bytes, 0, bytes.length, 0)).split(' ');
  return performance.now() - Number(waitedNs) / 1e6;
};

/** Computes for so many milliseconds on a core, however crowded the machine is. */
const compute = (ms: number): void => {
  const begunMs = onCoreMs();
  for (let x = 1; ; ) {
    for (let i = 0; i < STEPS; i++) x = Math.imul(x, 1664525) + 1013904223;
    // The sum must be used for something, or the loop would be optimised away.
    if (onCoreMs() - begunMs >= ms || x === 0.5) return;
  }
};

/** A sink that answers after `ms`, and knows how long it really took: timers are late by a part of a millisecond, on a crowded machine by more now and then. */
const sinkOf = (ms: number) => {
  const took: number[] = [];
  return {
    write: async (): Promise<void> => {
      const begunMs = performance.now();
      await sleep(ms);
      took.push(performance.now() - begunMs);
    },
    medianMs: () => took.sort((a, b) => a - b)[took.length >> 1] ?? ms,
  };
};

const CPU_MS = 2.5;

/** Work on records that computes without a pause, with the time that it really had a core: a look at the clock comes late, and what leaks must be made. */
const busyWork = () => {
  let [onCore, records] = [0, 0];
  return {
    one: async (before: () => void = () => {}): Promise<void> => {
      const begunMs = onCoreMs();
      before();
      compute(CPU_MS);
      onCore += onCoreMs() - begunMs;
      records += 1;
    },
    recordsPerSec: () => (1000 * records) / onCore,
  };
};

/** 8 bytes each: cheap to make, so that the leak takes memory and next to no CPU. */
const KEPT_REFERENCES = 8_000;
const FAILING = 0.03;

/** One case. `random` decides which records fail. */
export const caseOf = (name: CaseName, random: () => number): ProfileCase => {
  const even = { recordsPerSec: 600, lanes: 1, keys: { 'key-a': 0.08, 'key-b': 0.04 } };
  const work = busyWork();
  const busy = (limit: ProfileLimit, process: Processor['process']): ProfileCase => ({
    ...{ ...even, limit, processor: { shadowSafe: true, process } },
    capacity: work.recordsPerSec,
  });
  switch (name) {
    case 'cpu':
      return busy('cpu', async (records, { stage }) => {
        for (const _ of records) await stage('compute', () => work.one());
      });
    case 'sink': {
      const sink = sinkOf(20);
      const process: Processor['process'] = async (records, { stage }) => {
        for (const _ of records) await stage('sink', sink.write);
      };
      return {
        ...even,
        recordsPerSec: 40,
        limit: 'wait',
        processor: { shadowSafe: true, process },
        capacity: () => 1000 / sink.medianMs(),
      };
    }
    case 'hot-key': {
      const sink = sinkOf(5);
      const process: Processor['process'] = async (records, { stage }) => {
        for (const _ of records) await stage('sink', sink.write);
      };
      const keys = { hot: 0.6, 'key-b': 0.04 };
      return {
        ...{ ...even, recordsPerSec: 150, lanes: 8, keys },
        limit: 'hot-key',
        processor: { shadowSafe: true, process },
        capacity: () => 1000 / (keys.hot * sink.medianMs()),
      };
    }
    case 'leak': {
      const kept: string[][] = [];
      return busy('memory', async (records, { stage }) => {
        for (const { sequenceNumber } of records)
          await stage('compute', () => work.one(() => kept.push(new Array<string>(KEPT_REFERENCES).fill(sequenceNumber))));
      });
    }
    case 'errors': {
      const doomed = new Set<string>();
      const met = new Set<string>();
      return busy('errors', async (records, { stage }) => {
        for (const { sequenceNumber } of records) {
          // Both legs get the same records, and the same ones fail.
          if (!met.has(sequenceNumber) && random() < FAILING) doomed.add(sequenceNumber);
          met.add(sequenceNumber);
        }
        for (const record of records) {
          await stage('compute', () => work.one());
          if (doomed.has(record.sequenceNumber)) throw new RecordFailure(record, new PoisonError('cannot be parsed'));
        }
      });
    }
  }
};
