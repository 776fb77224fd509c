// public: what `import … from 'penumbra/telemetry/otel'` gives: OpenTelemetry metrics. Apart from the others, since its types need the peer @opentelemetry/api.

export type { OtelOptions } from '../../lib/telemetry/otel-reporter.ts';
export { otelReporter } from '../../lib/telemetry/otel-reporter.ts';
