// functions: how a run stands, while its host warms up and while it observes.
// in: the run, in which state the machine is · out: waiting, warm, or over; a run whose host is not heard of any more is ended
import { z } from 'zod';
import { ProfileInput } from '../lib/model/profile-machine.ts';
import { hostLost } from '../lib/model/profiling.ts';
import { type Task, task } from './shell.ts';

type Watched = { readonly kind: 'waiting'; readonly waitSec: number } | { readonly kind: 'warm' } | { readonly kind: 'over' };

/** A host begins within seconds; an observation lasts for minutes. */
const WARMING_SEC = 3;
const [LEAST_SEC, MOST_SEC] = [2, 10];
/** The host ends a run by itself; one that still goes on so long after its time is told to. */
const OVERTIME_MS = 30_000;

const Input = ProfileInput.extend({ phase: z.enum(['warming', 'observing']) });

export const profileWatch = {
  name: 'profile-watch',
  input: Input,
  run: async ({ operationId, phase, ...asked }, { ports, nowMs, signal }): Promise<Watched> => {
    const run = await ports.profiles.get(asked, operationId, signal);
    if (run === null || run.state === 'ended') return { kind: 'over' };
    if (nowMs > run.lostAfterMs) {
      await ports.profiles.end(run, hostLost(run, nowMs), signal);
      return { kind: 'over' };
    }
    if (run.state !== 'observing' || run.endsAtMs === undefined) return { kind: 'waiting', waitSec: WARMING_SEC };
    if (phase === 'warming') return { kind: 'warm' };
    if (nowMs > run.endsAtMs + OVERTIME_MS) return { kind: 'over' };
    const leftSec = Math.ceil((run.endsAtMs - nowMs) / 1000) + 1;
    return { kind: 'waiting', waitSec: Math.min(Math.max(leftSec, LEAST_SEC), MOST_SEC) };
  },
} satisfies Task<typeof Input, Watched>;

export const handler = task(profileWatch);
