// bench/fault-on-worker: makes one fault of the matrix on one worker process.
// in: a fleet, a worker, a kind · out: the fault, and its end
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from '../local/fault-proxy.ts';
import type { ProcessFleet, WorkerNetwork, WorkerProcess } from '../local/process-fleet.ts';
import type { WorkerKind } from './fault-cases.ts';

/** Past the failover time of 1.1 s, and until another one has taken over. */
const OUTAGE_MS = 2500;

const networkOf = (worker: WorkerProcess): WorkerNetwork => {
  if (worker.network === null) throw new Error(`${worker.workerId} reaches the cloud without proxies: it cannot be cut off`);
  return worker.network;
};

const onNetwork = (worker: WorkerProcess, sides: readonly (keyof WorkerNetwork)[], fault: Fault) => {
  const network = networkOf(worker);
  for (const side of sides) network[side].set(fault);
  return async () => {
    await sleep(OUTAGE_MS);
    for (const side of sides) network[side].set({ kind: 'pass' });
  };
};

/** Makes the fault; resolves with what ends it. A killed worker stays away: who starts another one is the caller. */
export const faultOn = async (fleet: ProcessFleet, worker: WorkerProcess, kind: WorkerKind): Promise<() => Promise<void>> => {
  switch (kind) {
    case 'killed':
      await fleet.kill(worker);
      return async () => {};
    case 'restarted':
      await fleet.kill(worker);
      return async () => void (await fleet.start(worker.workerId));
    case 'asleep':
      fleet.suspend(worker);
      return async () => {
        await sleep(OUTAGE_MS);
        fleet.wake(worker);
      };
    case 'cut from DynamoDB':
      return onNetwork(worker, ['dynamodb'], { kind: 'cut' });
    case 'cut from Kinesis':
      return onNetwork(worker, ['kinesis'], { kind: 'cut' });
    case 'black hole':
      return onNetwork(worker, ['dynamodb', 'kinesis'], { kind: 'blackhole' });
  }
};
