// lib/consumer: the look at settings and world before a worker joins its fleet.
// in: settings, processor, the preflight · out: nothing, or a refusal that says what to do
import { StartRefusedError } from '../errors.ts';
import type { Preflight } from '../ports.ts';
import type { Emit } from './events.ts';
import { laneFindings } from './lane-limit.ts';
import type { ConsumerSettings } from './options.ts';
import type { Processor } from './processor.ts';

/**
 * Throws a StartRefusedError with every fatal finding when the setting `preflight` is `refuse`; what is not fatal, and with `warn` everything,
 * is told by events. With `off` nothing is looked at.
 */
export const checkBeforeStart = async (
  settings: Pick<
    ConsumerSettings,
    'application' | 'streamName' | 'workerId' | 'retrieval' | 'preflight' | 'concurrencyPerShard' | 'tuning'
  >,
  processor: Pick<Processor, 'maxConcurrencyPerShard'>,
  preflight: Preflight,
  emit: Emit,
  signal?: AbortSignal,
): Promise<void> => {
  if (settings.preflight === 'off') return;
  const { application, streamName, retrieval, workerId } = settings;
  const findings = [
    ...laneFindings(settings, processor),
    ...(await preflight.check({ application, streamName, retrieval }, signal)),
  ];
  const isReason = (fatal: boolean) => fatal && settings.preflight === 'refuse';
  for (const finding of findings) if (!isReason(finding.fatal)) emit({ kind: 'preflight', finding });
  const reasons = findings.filter(({ fatal }) => isReason(fatal));
  if (reasons.length > 0) throw new StartRefusedError(`worker ${workerId} of ${application} on ${streamName}`, reasons);
};
