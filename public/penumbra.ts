// public: what `import … from 'penumbra'` gives: the consumer runtime, its ports, its errors. Nothing else of lib/ is promised to stay as it is.

export type { AwsConfig } from '../lib/adapters/aws/aws-ports.ts';
export { awsPorts } from '../lib/adapters/aws/aws-ports.ts';
export type { MemoryOptions, MemoryPorts } from '../lib/adapters/memory/memory-ports.ts';
export { memoryPorts } from '../lib/adapters/memory/memory-ports.ts';
export type { ScriptedClock } from '../lib/adapters/memory/scripted-clock.ts';
export { scriptedClock } from '../lib/adapters/memory/scripted-clock.ts';
export { systemClock } from '../lib/adapters/system-clock.ts';
export { Consumer } from '../lib/consumer/consumer.ts';
export type { ConsumerOptions, ConsumerPorts, EventHooks } from '../lib/consumer/consumer-options.ts';
export type { ConsumerStatus } from '../lib/consumer/consumer-status.ts';
export type { ConsumerEvent } from '../lib/consumer/events.ts';
export type { DeadLetter, OnPoison, Processor, ProcessorContext, ProcessorResults, Retries } from '../lib/consumer/processor.ts';
export {
  FencedError,
  InvariantError,
  PoisonError,
  RecordFailure,
  StartRefusedError,
  TransientError,
} from '../lib/errors.ts';
export type { Finding, FindingKind } from '../lib/model/finding.ts';
export type {
  ProfilingEnd,
  ProfilingLeg,
  ProfilingRequest,
  ProfilingRun,
  ProfilingTotals,
  ProfilingWindow,
} from '../lib/model/profiling.ts';
export type { StreamRecord } from '../lib/model/shard.ts';
export type { Clock, ResultStore } from '../lib/ports.ts';
