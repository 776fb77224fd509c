// lib/consumer: what a run takes away when it is over.
// in: an ended run · out: no results, no registered consumer that nobody reads by, its item ended
import type { ProfilingEnd, ProfilingRun } from '../model/profiling.ts';
import type { ConsumerPorts } from './consumer-options.ts';
import { deregisterAfter } from './profiling-consumer.ts';

export interface RunOver {
  readonly run: ProfilingRun;
  /** Null: others have ended it. */
  readonly end: ProfilingEnd | null;
  /** It has had a consumer registered. */
  readonly hadConsumer: boolean;
  readonly clearResults: () => Promise<void>;
  readonly ports: Pick<ConsumerPorts, 'profiles' | 'control' | 'workers' | 'clock'>;
  readonly streamArn: string;
  /** Carries a step out; a failure is told, and does not keep the next ones. */
  readonly attempt: (doing: string, step: () => Promise<unknown>) => Promise<void>;
}

/** Takes away what the run has put up: results, the registered consumer where no other run reads by it, its item. */
export const clearUp = async ({ run, end, hadConsumer, clearResults, ports, streamArn, attempt }: RunOver): Promise<void> => {
  await attempt('clear results', clearResults);
  if (hadConsumer)
    await attempt('deregister the profiling consumer', async () =>
      deregisterAfter(run, await ports.profiles.live(run), ports.control, streamArn, ports.clock.nowMs()),
    );
  // Last: while the item stands, others see that there may be something to clear up.
  if (end !== null) await attempt('end a profiling run', () => ports.profiles.end(run, end));
  // The primary tells its results for as long as it has not heard.
  if (run.request.compare?.with === 'primary')
    await attempt('announce the end of a profiling run', () => ports.workers.announce(run));
};
