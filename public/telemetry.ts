// public: what `import … from 'penumbra/telemetry'` gives: logs and CloudWatch EMF out of a consumer's events and status.

export type { ConsumerTelemetry, TelemetryOptions } from '../lib/telemetry/consumer-telemetry.ts';
export { consumerTelemetry } from '../lib/telemetry/consumer-telemetry.ts';
export type { EmfOptions } from '../lib/telemetry/emf-reporter.ts';
export { emfReporter } from '../lib/telemetry/emf-reporter.ts';
export type { EventLog } from '../lib/telemetry/event-logger.ts';
export { eventLogger } from '../lib/telemetry/event-logger.ts';
export type { ProcessedCall, Reporter, WatchedWorker } from '../lib/telemetry/reporter.ts';
