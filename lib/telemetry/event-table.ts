// lib/telemetry: what each event of a worker means to a log and to a metric. A new kind of event does not compile until it has its row.
// in: a kind of event · out: its level, and what is counted
import type { ConsumerEvent } from '../consumer/events.ts';

export type Kind = ConsumerEvent['kind'];
export type Level = 'debug' | 'info' | 'warn' | 'error';

interface Row {
  readonly level: Level;
  /** The metric that counts it; null where another metric tells the same. Names are KCL's where KCL has the same. */
  readonly counter: string | null;
}

const row = (level: Level, counter: string | null): Row => ({ level, counter });

export const eventTable = {
  preflight: row('warn', null),
  'lease-taken': row('info', 'TakenLeases'),
  'lease-lost': row('warn', 'LostLeases'),
  'lease-given-back': row('info', 'LeasesGivenBack'),
  'shard-ended': row('info', 'ShardsEnded'),
  'shard-expired': row('error', 'ShardsExpired'),
  'stream-recreated': row('warn', 'StreamsRecreated'),
  'read-throttled': row('warn', 'ReadsThrottled'),
  'shadow-started': row('info', 'ShadowsStarted'),
  'shadow-stopped': row('info', 'ShadowsStopped'),
  'shadow-diverged': row('error', 'ShadowsDiverged'),
  paused: row('info', null),
  resumed: row('warn', 'HandoversTakenBack'),
  'handed-over': row('info', 'ShardsHandedOver'),
  'handover-abandoned': row('warn', 'HandoversAbandoned'),
  'shard-silent': row('error', 'ShardsSilent'),
  'pull-begun': row('info', 'PullsBegun'),
  'pull-given-up': row('warn', 'PullsGivenUp'),
  'heartbeat-late': row('warn', 'HeartbeatsLate'),
  'processor-late': row('warn', 'CallsLate'),
  'shard-stopped': row('error', 'ShardsStopped'),
  'record-skipped': row('error', 'RecordsSkipped'),
  'record-dead-lettered': row('warn', 'RecordsDeadLettered'),
  'aggregate-dropped': row('warn', 'AggregatesDropped'),
  'profiling-started': row('info', 'ProfilingsStarted'),
  'profiling-ended': row('info', 'ProfilingsEnded'),
  'setting-changed': row('info', 'SettingChanges'),
  failed: row('warn', 'Failures'),
} as const satisfies Record<Kind, Row>;

/** Every metric that counts events, in the table's order. */
export const eventCounters: readonly string[] = Object.values(eventTable).flatMap(({ counter }) => counter ?? []);

/** By how much an event counts. */
export const weightOf = (event: ConsumerEvent): number => (event.kind === 'read-throttled' ? event.refusals : 1);
