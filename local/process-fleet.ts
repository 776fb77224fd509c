// local/process-fleet: worker processes that can be killed, put to sleep, woken, told to leave and cut off, each by itself.
// in: a stream's group, the sink, the cloud's environment · out: processes, each behind fault proxies of its own where wanted
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { ConsumerEvent } from '../lib/consumer/events.ts';
import { type Child, startChild } from './child.ts';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';
import type { FaultWorkerMessage, FaultWorkerStatus, FaultWorkerTask } from './fault-worker.ts';
import { MARK } from './process-group.ts';
import { seeded } from './synthetic-trace.ts';

/** Every share of calls that a proxy refuses falls on the same calls in every run. */
const SEED = 11;
/** Waits for the end of the process $0, then kills $1. */
const GUARD = 'while kill -0 "$0" 2>/dev/null; do sleep 1; done; kill -9 "$1"';

export interface ProcessFleetOptions {
  readonly task: Omit<FaultWorkerTask, 'workerId'>;
  /** The cloud's environment: endpoints, region, keys. */
  readonly env: Readonly<Record<string, string>>;
  /** Logs; and the mark by which the cloud's end finds a worker that still sleeps. */
  readonly directory: string;
  /** Whether each worker reaches DynamoDB and Kinesis through proxies of its own. */
  readonly proxied: boolean;
}

/** A worker's own way to the cloud. */
export interface WorkerNetwork {
  readonly dynamodb: FaultProxy;
  readonly kinesis: FaultProxy;
}

export interface WorkerProcess {
  readonly workerId: string;
  readonly child: Child<FaultWorkerMessage>;
  /** Wall clock of the start of the process; and of its call of Consumer.start(), after Node and the SDK were loaded. */
  readonly startedAtMs: number;
  loadedAtMs(): number | null;
  /** null without proxies. */
  readonly network: WorkerNetwork | null;
  readonly events: readonly { readonly atMs: number; readonly event: ConsumerEvent }[];
  /** The last that it told of itself, at most a tenth of a second old while it is awake; null before the first. */
  status(): FaultWorkerStatus | null;
}

/** The processes of one run. */
export class ProcessFleet {
  readonly #options: ProcessFleetOptions;
  readonly #all: WorkerProcess[] = [];
  readonly #proxies: FaultProxy[] = [];
  readonly #guards = new Map<WorkerProcess, ChildProcess>();

  constructor(options: ProcessFleetOptions) {
    this.#options = options;
  }

  /** Every worker that was ever started. */
  get all(): readonly WorkerProcess[] {
    return this.#all;
  }

  /** Those whose processes have not ended. */
  get living(): WorkerProcess[] {
    return this.#all.filter(({ child }) => !child.hasEnded());
  }

  /** Starts one worker, also under the id of one that has ended; resolves when its Consumer has started. Throws when it cannot. */
  async start(workerId: string): Promise<WorkerProcess> {
    const { task, env, directory, proxied } = this.#options;
    const network = proxied ? await this.#networkOf(env) : null;
    const startedAtMs = Date.now();
    const before = this.#all.filter((each) => each.workerId === workerId).length;
    const child = startChild<FaultWorkerMessage>(
      './fault-worker.ts',
      workerId,
      { ...task, workerId } satisfies FaultWorkerTask,
      {
        ...env,
        [MARK]: directory,
        ...(network === null ? {} : { AWS_ENDPOINT_URL: network.dynamodb.url, AWS_ENDPOINT_URL_KINESIS: network.kinesis.url }),
      },
      join(directory, `${task.application}-${workerId}${before === 0 ? '' : `-${before}`}.log`),
    );
    const events: { atMs: number; event: ConsumerEvent }[] = [];
    let status: FaultWorkerStatus | null = null;
    let loadedAtMs: number | null = null;
    const worker: WorkerProcess = {
      workerId,
      child,
      startedAtMs,
      loadedAtMs: () => loadedAtMs,
      network,
      events,
      status: () => status,
    };
    this.#all.push(worker);
    await new Promise<void>((resolve, reject) => {
      child.on((message) => {
        if (message.kind === 'started') resolve();
        else if (message.kind === 'failed') reject(new Error(`${workerId} did not start: ${message.message}`));
        else if (message.kind === 'loaded') loadedAtMs = message.atMs;
        else if (message.kind === 'event') events.push({ atMs: message.atMs, event: message.event });
        else status = message.status;
      });
      void child.ended.then(({ code, signal }) =>
        reject(new Error(`${workerId} ended while starting (${signal ?? `code ${code}`}); see ${child.log}`)),
      );
    });
    return worker;
  }

  /** Sends SIGTERM and resolves with what the process took to leave. Throws when it takes longer. */
  async leave(worker: WorkerProcess, withinMs: number): Promise<number> {
    const began = performance.now();
    worker.child.signal('SIGTERM');
    const late = new Promise<null>((resolve) => {
      setTimeout(() => resolve(null), withinMs).unref();
    });
    if ((await Promise.race([worker.child.ended, late])) === null)
      throw new Error(`${worker.workerId} has not ended ${withinMs} ms after SIGTERM; see ${worker.child.log}`);
    return performance.now() - began;
  }

  async kill(worker: WorkerProcess): Promise<void> {
    worker.child.signal('SIGKILL');
    await worker.child.ended;
  }

  /** SIGSTOP. Should this process die meanwhile, a guard ends the sleeper, which cannot notice it by itself. */
  suspend(worker: WorkerProcess): void {
    const guard = spawn('sh', ['-c', GUARD, String(process.pid), String(worker.child.pid)], { detached: true, stdio: 'ignore' });
    guard.unref();
    this.#guards.set(worker, guard);
    void worker.child.ended.then(() => guard.kill('SIGKILL'));
    worker.child.signal('SIGSTOP');
  }

  /** SIGCONT. */
  wake(worker: WorkerProcess): void {
    worker.child.signal('SIGCONT');
    this.#guards.get(worker)?.kill('SIGKILL');
    this.#guards.delete(worker);
  }

  /** Kills what still runs, asleep or awake, and closes the proxies. */
  async end(): Promise<void> {
    await Promise.all(this.living.map((worker) => this.kill(worker)));
    await Promise.all(this.#proxies.map((proxy) => proxy.close()));
  }

  async #networkOf(env: Readonly<Record<string, string>>): Promise<WorkerNetwork> {
    const dynamodb = await startFaultProxy(env.AWS_ENDPOINT_URL ?? '', seeded(SEED));
    this.#proxies.push(dynamodb);
    const kinesis = await startFaultProxy(env.AWS_ENDPOINT_URL_KINESIS ?? '', seeded(SEED));
    this.#proxies.push(kinesis);
    return { dynamodb, kinesis };
  }
}
