import { Console } from 'node:console';
import { Writable } from 'node:stream';
import { Logger } from '@aws-lambda-powertools/logger';
import { describe, expect, it } from 'vitest';
import type { ConsumerEvent } from '../../lib/consumer/events.ts';
import { RecordFailure, TransientError } from '../../lib/errors.ts';
import { errorDetail } from '../../lib/telemetry/error-detail.ts';
import { type EventLog, eventLogger } from '../../lib/telemetry/event-logger.ts';
import { failing, recordAt, workerOf } from './scenes.ts';

const failed = (error: unknown): ConsumerEvent => ({ kind: 'failed', doing: 'read', shardId: null, error, retryInMs: 200 });

describe('eventLogger', () => {
  const logging = () => {
    const lines: { level: string; message: string; detail: Record<string, unknown> }[] = [];
    const at = (level: string) => (message: string, detail: Record<string, unknown>) =>
      void lines.push({ level, message, detail });
    const log: EventLog = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
    return { lines, reporter: eventLogger(log) };
  };

  it('logs an event with its fields and with whose it is, at its level', () => {
    const { lines, reporter } = logging();
    reporter.watch?.({ application: 'shop', streamName: 'orders' });
    reporter.event?.({ kind: 'lease-given-back', shardId: 's' });
    reporter.start?.(workerOf(), failing);
    reporter.event?.({ kind: 'shadow-diverged', shardId: 's', at: '49' });
    expect(lines).toEqual([
      {
        level: 'info',
        message: 'lease-given-back',
        detail: { application: 'shop', streamName: 'orders', event: 'lease-given-back', shardId: 's' },
      },
      {
        level: 'error',
        message: 'shadow-diverged',
        detail: {
          application: 'shop',
          streamName: 'orders',
          workerId: 'worker-a',
          event: 'shadow-diverged',
          shardId: 's',
          at: '49',
        },
      },
    ]);
  });

  it('logs a failure that passes as a warning, any other as an error', () => {
    const { lines, reporter } = logging();
    reporter.event?.(failed(new TransientError('throttled')));
    reporter.event?.(failed(new TypeError('x is undefined')));
    reporter.event?.(failed('a string'));
    expect(lines.map(({ level }) => level)).toEqual(['warn', 'error', 'error']);
  });

  it("writes class, message and cause of an error through powertools' logger, and nothing of a record", () => {
    const written: string[] = [];
    const sink = new Writable({
      write: (chunk: Buffer, _, done) => {
        written.push(chunk.toString());
        done();
      },
    });
    const logger = new Logger({ serviceName: 'orders', logLevel: 'INFO' });
    Reflect.set(logger, 'console', new Console(sink, sink));
    const reporter = eventLogger(logger);
    const sdk = Object.assign(new Error('socket hang up'), {
      name: 'TimeoutError',
      $response: { headers: { authorization: 'AWS4 secret' } },
    });
    const error = new RecordFailure(recordAt(0), new TransientError('the sink is away', { cause: sdk }));
    reporter.event?.({ kind: 'record-skipped', shardId: 's', sequenceNumber: '49', subSequenceNumber: null, error });
    const line = JSON.parse(written.join('')) as Record<string, unknown>;
    expect(line).toMatchObject({
      level: 'ERROR',
      service: 'orders',
      message: 'record-skipped',
      event: 'record-skipped',
      sequenceNumber: '49',
      error: {
        name: 'RecordFailure',
        message: 'record 49 failed: the sink is away',
        cause: {
          name: 'TransientError',
          message: 'the sink is away',
          cause: { name: 'TimeoutError', message: 'socket hang up' },
        },
      },
    });
    expect(written.join('')).not.toMatch(/secret|xxxx|authorization/);
  });
});

describe('errorDetail', () => {
  it('takes whatever was thrown', () => {
    expect(errorDetail('text')).toEqual({ name: 'string', message: 'text' });
    expect(errorDetail(null)).toEqual({ name: 'null', message: 'null' });
    expect(errorDetail(undefined)).toEqual({ name: 'undefined', message: 'undefined' });
  });

  it('ends where causes go in a circle, and shortens long messages', () => {
    const error = new Error('m'.repeat(5000));
    error.cause = error;
    const detail = errorDetail(error);
    expect(detail.message).toBe(`${'m'.repeat(1000)}… (5000 characters)`);
    expect(JSON.stringify(detail).match(/"cause"/g)).toHaveLength(5);
  });
});
