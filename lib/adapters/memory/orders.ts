// lib/adapters/memory: what goes out of the control plane, in memory: metrics, commands, executions, answers to callbacks.
// in: Metrics, CommandQueue, Machines and Callbacks calls · out: lists that a test or the simulator reads
import type { DemandSample } from '../../model/demand.ts';
import { rangeText } from '../../model/hash-key-range.ts';
import type { Command } from '../../model/operation.ts';
import type { Callbacks, CommandQueue, Machines, MetricPoint, Metrics } from '../../ports.ts';

export interface MemoryMetrics extends Metrics {
  /** What CloudWatch is to answer. */
  readonly samples: DemandSample[];
  /** What it is to answer of single shards. */
  readonly shardSamples: DemandSample[];
  readonly published: MetricPoint[];
}

/** Metrics: answers from `samples`, collects into `published`. */
export const memoryMetrics = (): MemoryMetrics => {
  const samples: DemandSample[] = [];
  const shardSamples: DemandSample[] = [];
  const published: MetricPoint[] = [];
  return {
    samples,
    shardSamples,
    published,
    streamDemand: async (streamName, fromMs, untilMs) =>
      samples
        .filter((sample) => sample.streamName === streamName && sample.minuteMs >= fromMs && sample.minuteMs < untilMs)
        .sort((a, b) => a.minuteMs - b.minuteMs)
        .map((sample) => structuredClone(sample)),
    shardDemand: async (streamName, shards, fromMs, untilMs) =>
      shardSamples
        .filter(
          (sample) =>
            sample.streamName === streamName &&
            sample.minuteMs >= fromMs &&
            sample.minuteMs < untilMs &&
            shards.some(({ hashKeyRange }) => rangeText(hashKeyRange) === rangeText(sample.hashKeyRange)),
        )
        .sort((a, b) => a.minuteMs - b.minuteMs)
        .map((sample) => structuredClone(sample)),
    publish: async (points) => {
      published.push(...points);
    },
  };
};

export interface MemoryCommandQueue extends CommandQueue {
  /** What was sent, in order, an operation once. */
  readonly sent: Command[];
}

/** The queue: a repeated operation is dropped, as FIFO deduplication does. */
export const memoryCommands = (): MemoryCommandQueue => {
  const sent: Command[] = [];
  return {
    sent,
    send: async (commands) => {
      for (const command of commands)
        if (!sent.some(({ operationId }) => operationId === command.operationId)) sent.push(structuredClone(command));
    },
  };
};

export interface Execution {
  readonly machine: Parameters<Machines['start']>[0];
  readonly name: string;
  readonly input: unknown;
  readonly executionArn: string;
}
export interface MemoryMachines extends Machines {
  readonly executions: Execution[];
}

/** The machines: they only note what was started. */
export const memoryMachines = (): MemoryMachines => {
  const executions: Execution[] = [];
  return {
    executions,
    start: async (machine, name, input) => {
      const executionArn = `arn:aws:states:us-east-1:000000000000:execution:${machine}:${name}`;
      if (executions.some((execution) => execution.executionArn === executionArn)) return { kind: 'exists', executionArn };
      executions.push({ machine, name, input: JSON.parse(JSON.stringify(input)), executionArn });
      return { kind: 'started', executionArn };
    },
  };
};

export interface MemoryCallbacks extends Callbacks {
  /** Tokens that somebody waits for; the answer takes a token out. */
  readonly waiting: Set<string>;
  readonly answers: { taskToken: string; output: unknown }[];
}

/** Callbacks: a token that nobody waits for is gone. */
export const memoryCallbacks = (): MemoryCallbacks => {
  const waiting = new Set<string>();
  const answers: { taskToken: string; output: unknown }[] = [];
  return {
    waiting,
    answers,
    succeed: async (taskToken, output) => {
      if (!waiting.delete(taskToken)) return { kind: 'gone' };
      answers.push({ taskToken, output: JSON.parse(JSON.stringify(output)) });
      return { kind: 'answered' };
    },
  };
};
