import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { describe, expect, it } from 'vitest';
import { scriptedClock } from '../../lib/adapters/memory/scripted-clock.ts';
import { emfReporter } from '../../lib/telemetry/emf-reporter.ts';
import { eventCounters, eventTable } from '../../lib/telemetry/event-table.ts';
import { otelReporter } from '../../lib/telemetry/otel-reporter.ts';
import type { Reporter } from '../../lib/telemetry/reporter.ts';
import { emfDocumentOf, metricNamesOf } from './emf-specification.ts';
import { callOf, failing, SHARD, START_MS, workerOf } from './scenes.ts';

const text = readFileSync(join(import.meta.dirname, '../../docs/telemetry.md'), 'utf8');
const inBackticks = new Set([...text.matchAll(/`([^`\n]+)`/g)].map((match) => match[1]));

/** Tells a reporter something of everything. */
const tellAll = (reporter: Reporter) => {
  reporter.processed?.(callOf([1]));
  reporter.processed?.(callOf([], { failedRecords: 1, error: new Error('x') }));
  for (const how of ['claimed', 'taken-over', 'assigned', 'handed-over'] as const)
    reporter.event?.({ kind: 'lease-taken', shardId: SHARD, epoch: 1, how, from: '49' });
  reporter.event?.({ kind: 'paused', shardId: SHARD, handoverId: 'h' });
  reporter.event?.({ kind: 'resumed', shardId: SHARD, handoverId: 'h' });
  reporter.event?.({ kind: 'heartbeat-late', lateMs: 5 });
};

describe('docs/telemetry.md', () => {
  it('lists every metric of the EMF lines', async () => {
    const clock = scriptedClock(START_MS);
    const lines: string[] = [];
    const reporter = emfReporter({ namespace: 'n', write: (line) => void lines.push(line), clock, perShard: true });
    reporter.start?.(workerOf(), failing);
    tellAll(reporter);
    await reporter.stop?.();
    const names = new Set(lines.flatMap((line) => metricNamesOf(emfDocumentOf(line))));
    expect(names.size).toBeGreaterThan(40);
    expect([...names].filter((name) => !inBackticks.has(name))).toEqual([]);
  });

  it('lists every OpenTelemetry instrument, with its unit', async () => {
    const exporter = new InMemoryMetricExporter(AggregationTemporality.DELTA);
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
    const provider = new MeterProvider({ readers: [reader] });
    const reporter = otelReporter({ meter: provider.getMeter('penumbra') });
    reporter.start?.(workerOf(), failing);
    tellAll(reporter);
    await provider.forceFlush();
    const metrics = exporter.getMetrics().flatMap((resource) => resource.scopeMetrics.flatMap((scope) => scope.metrics));
    expect(metrics).toHaveLength(13);
    const rows = metrics.filter(({ descriptor }) =>
      new RegExp(`^\\| \`${descriptor.name}\` \\| \\w+ \\| ${descriptor.unit} \\|`, 'm').test(text),
    );
    expect(rows.map(({ descriptor }) => descriptor.name)).toEqual(metrics.map(({ descriptor }) => descriptor.name));
  });

  it('lists every event with its level and its counter', () => {
    for (const [kind, { level, counter }] of Object.entries(eventTable)) {
      const [, levels, counted] = text.match(new RegExp(`^\\| \`${kind}\` \\| ([^|]*) \\| ([^|]*) ?\\|$`, 'm')) ?? [];
      expect([kind, levels]).toEqual([kind, kind === 'failed' ? 'warn or error' : level]);
      expect(counted?.trim() ?? 'no row').toContain(counter ?? '');
    }
    expect(new Set(eventCounters).size).toBe(eventCounters.length);
  });
});
