// lib/telemetry: every event of a worker as one structured log line.
// in: a logger of powertools' shape · out: a Reporter
import type { ConsumerEvent } from '../consumer/events.ts';
import { TransientError } from '../errors.ts';
import { errorDetail } from './error-detail.ts';
import { eventTable, type Level } from './event-table.ts';
import type { Reporter } from './reporter.ts';

/** What is needed of a logger: powertools' Logger has it, console too. */
export type EventLog = Readonly<Record<Level, (message: string, detail: Record<string, unknown>) => void>>;

/** A failure that passes by itself is a warning, any other an error. */
const levelOf = (event: ConsumerEvent): Level =>
  event.kind === 'failed' && !(event.error instanceof TransientError) ? 'error' : eventTable[event.kind].level;

/** Logs each event at its level, with the event's fields. Never a record's data; of an error class, message and causes. */
export const eventLogger = (logger: EventLog): Reporter => {
  let whose: Readonly<Record<string, string>> = {};
  return {
    watch: ({ application, streamName }) => {
      whose = { application, streamName };
    },
    start: ({ status }) => {
      whose = { ...whose, workerId: status().workerId };
    },
    event: (event) => {
      const { kind, ...fields } = event;
      const detail = 'error' in fields ? { ...fields, error: errorDetail(fields.error) } : fields;
      logger[levelOf(event)](kind, { ...whose, event: kind, ...detail });
    },
  };
};
