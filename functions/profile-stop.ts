// functions: the end of a run, however it came.
// in: the run; after a refusal or an error why · out: waiting for the host, or stopped; a host that does not answer is not waited for
import { z } from 'zod';
import { ProfileInput } from '../lib/model/profile-machine.ts';
import type { ProfilingRun } from '../lib/model/profiling.ts';
import { type Scene, type Task, task } from './shell.ts';

const Input = ProfileInput.extend({ end: z.enum(['refused', 'failed']).optional(), detail: z.string().optional() });
type Stopped =
  | { readonly kind: 'waiting'; readonly waitSec: number }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'cleaned' };

/** A host sees the wish at its next window, within five seconds; one that has not after so long is gone. */
const ANSWERS_WITHIN_MS = 30_000;
const WAIT_SEC = 3;

/** Asks the host to end the run, then ends it without the host. */
const stop = async (run: ProfilingRun, detail: string, { ports, nowMs, signal }: Scene): Promise<'asked' | 'ended'> => {
  const sinceMs = run.stop === undefined ? 0 : nowMs - run.stop.atMs;
  if (nowMs > run.lostAfterMs || sinceMs > ANSWERS_WITHIN_MS) {
    const left = run.state === 'requested' ? ('not-started' as const) : ('host-lost' as const);
    await ports.profiles.end(
      run,
      {
        by: left,
        detail: `${run.hostId} did not end the run within ${Math.round(sinceMs / 1000)} s of being told to`,
        atMs: nowMs,
      },
      signal,
    );
    return 'ended';
  }
  if (run.stop === undefined) await ports.profiles.change(run, { stop: { by: 'machine', detail, atMs: nowMs } }, signal);
  return 'asked';
};

export const profileStop = {
  name: 'profile-stop',
  input: Input,
  run: async ({ operationId, end, detail = 'the run is over', ...asked }, scene): Promise<Stopped> => {
    const { ports, nowMs, signal } = scene;
    const run = await ports.profiles.get(asked, operationId, signal);
    if (end === undefined) {
      if (run === null || run.state === 'ended') return { kind: 'stopped' };
      return (await stop(run, detail, scene)) === 'ended' ? { kind: 'stopped' } : { kind: 'waiting', waitSec: WAIT_SEC };
    }
    // After an error nobody waits: the host ends it by itself, at the latest when its time is over.
    if (run !== null && run.state !== 'ended') await stop(run, detail, scene);
    if ((await ports.operations.get(asked, operationId, signal)) !== null)
      await ports.operations.update(asked, operationId, { status: 'failed', result: detail, endedAtMs: nowMs }, signal);
    const dimensions = { Application: asked.application, StreamName: asked.streamName };
    await ports.metrics.publish(
      [{ name: 'ProfileFailed', value: end === 'failed' ? 1 : 0, unit: 'Count', dimensions, atMs: nowMs }],
      signal,
    );
    return { kind: 'cleaned' };
  },
} satisfies Task<typeof Input, Stopped>;

export const handler = task(profileStop);
